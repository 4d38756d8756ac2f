// A Koa API that trusts the proxy before it and answers with what it takes a request for.
const { once } = require("node:events");
const Koa = require("koa");

const app = new Koa({ proxy: true });
app.use(async (context) => {
  context.req.resume();
  await once(context.req, "end");
  const { method, path, host, protocol, ip, headers, req } = context;
  context.body = { method, path, host, scheme: protocol, client: ip, headers, trailers: req.trailers };
});
app.listen(Number(process.argv[2]), "127.0.0.1");
