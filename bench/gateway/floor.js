/** workerd's own price: a Worker that passes every request through and looks at nothing. */
export default {
  fetch: (request, env) =>
    fetch(`${env.ORIGIN}/mcp`, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: "manual",
    }),
};
