// An API on Express or Koa whose handlers are a route map's lines and answer with their line: routed.js express|koa PORT.
const [, , framework, port] = process.argv;
const routes = JSON.parse(process.env.ROUTES);

// With ** one path for none of the rest and one for some.
function spellings({ segments }) {
  const named = segments.map((each, at) => (each === "{}" ? `:p${at}` : each));
  if (named.at(-1) !== "**") return ["/" + named.join("/")];
  return ["/" + named.slice(0, -1).join("/"), "/" + [...named.slice(0, -1), "*rest"].join("/")];
}

function serveExpress() {
  const express = require("express");
  const methodOverride = require("method-override");
  const app = express();
  app.use(methodOverride("_method", { methods: ["GET", "POST"] }));
  for (const route of routes) {
    const answer = (request, response) => response.json({ line: route.line, method: request.method });
    app[route.method ? route.method.toLowerCase() : "all"](spellings(route), answer);
  }
  app.listen(Number(port), "127.0.0.1");
}

function serveKoa() {
  const Koa = require("koa");
  const { match } = require("path-to-regexp"); // what Koa's routers match with
  const handlers = routes.map((route) => ({ ...route, matches: spellings(route).map((each) => match(each)) }));
  const app = new Koa();
  app.use((context) => {
    const found = handlers.find(
      ({ method, matches }) => (!method || method === context.method) && matches.some((matches) => matches(context.path)),
    );
    if (found) context.body = { line: found.line, method: context.method };
  });
  app.listen(Number(port), "127.0.0.1");
}

({ express: serveExpress, koa: serveKoa })[framework]();
