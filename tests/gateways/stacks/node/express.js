// An Express API that trusts the proxy before it, lets itself be overridden, and answers with what it takes a request for.
const express = require("express");
const methodOverride = require("method-override");

const app = express();
app.set("trust proxy", "loopback");
for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]) app.use(methodOverride(name));
app.use((request, response) => {
  request.resume();
  request.on("end", () => {
    const { method, path, baseUrl, host, protocol, ip, headers, trailers } = request;
    response.json({ method, root: baseUrl, path, host, scheme: protocol, client: ip, headers, trailers });
  });
});
app.listen(Number(process.argv[2]), "127.0.0.1");
