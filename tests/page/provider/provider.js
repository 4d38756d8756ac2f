// A certified OpenID provider that lets anybody in by any name: `node provider.js PORT CONSOLE…`, consoles by their
// addresses. It tells on standard output which grants were traded for tokens. Tokens of the first console's people
// last; those of the others end after seconds.
const { default: Provider } = require('oidc-provider');

const [port, ...consoles] = process.argv.slice(2);
const LASTS_S = 3600;
const ENDS_S = 3;

// A login is GROUP or GROUP@PRACTICE. What a platform's own provider says of its people has its own names.
const claimsOf = (login) => {
  const [group, practice] = login.split('@');
  return { sub: login, 'https://clinic.example/groups': ['staff', group], 'https://clinic.example/practice': practice };
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: consoles.map((console_, number) => ({
    client_id: `console-${number}`,
    // The first one keeps a secret; the others are public clients, for which PKCE is all there is.
    ...(number === 0 ? { client_secret: 'a-secret-of-the-console' } : { token_endpoint_auth_method: 'none' }),
    redirect_uris: [`${console_}/sign-in/done`],
    post_logout_redirect_uris: [`${console_}/sign-in`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  })),
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => claimsOf(id) }),
  // Nobody is asked whether the console may know them: it is the platform's own.
  loadExistingGrant: async (ctx) => {
    const { client, session } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    if (known) return provider.Grant.find(known);
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  issueRefreshToken: (_ctx, _client, code) => !code.accountId.startsWith('guest'),
  rotateRefreshToken: true,
  extraTokenClaims: (_ctx, token) => claimsOf(token.accountId),
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, _resource, client) => ({
        scope: '',
        audience: 'keyfold',
        accessTokenFormat: 'jwt',
        accessTokenTTL: client.clientId === 'console-0' ? LASTS_S : ENDS_S,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

provider.on('grant.success', (ctx) => process.stdout.write(`granted ${ctx.oidc.params.grant_type}\n`));
provider.on('grant.error', (_ctx, error) => process.stdout.write(`refused ${error.error_description ?? error}\n`));
provider.listen(Number(port), '127.0.0.1');
