// A certified OpenID provider in a mood to let anybody in: `node provider.js PORT CONSOLE`.
import Provider from 'oidc-provider';

const [port, console_] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

// What a platform's own provider says of its people; it knows no id of Keyfold's but by its own claims.
const claimsOf = (login) => {
  const [group, account] = login.split('@');
  return { sub: login, 'https://clinic.example/groups': [group], 'https://clinic.example/practice': account };
};

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'console',
    client_secret: 'a-secret-of-the-console',
    redirect_uris: [`${console_}/sign-in/done`],
    post_logout_redirect_uris: [`${console_}/sign-in`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }],
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => claimsOf(id) }),
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  ttl: { AccessToken: Number(process.env.ACCESS_TOKEN_TTL_S ?? 300) },
  extraTokenClaims: (_ctx, token) => claimsOf(token.accountId),
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: '',
        audience: 'keyfold',
        accessTokenFormat: 'jwt',
        accessTokenTTL: Number(process.env.ACCESS_TOKEN_TTL_S ?? 300),
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

provider.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
