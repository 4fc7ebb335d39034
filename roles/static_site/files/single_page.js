// Runs at the edge on each request that does not go to the API: a path without a file name is one of the application's own,
// and is answered with its one page. A file that does not exist stays an error instead of becoming a page.
var API = ["/api/*"];

function fits(uri, pattern) {
  var parts = pattern.split("*").map(function (part) {
    return part.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\?/g, ".");
  });
  return new RegExp("^" + parts.join(".*") + "$").test(uri);
}

function handler(event) {
  var request = event.request;
  // Only where no API is behind the site do its paths come here. A page with status 200 would be taken for its answer.
  if (API.some(function (pattern) { return fits(request.uri, pattern); })) {
    return {
      statusCode: 404,
      statusDescription: "Not Found",
      headers: {
        "content-type": { value: "application/json" },
        "cache-control": { value: "no-store" }
      },
      body: '{"error": "no_api", "detail": "No API is behind this site."}'
    };
  }
  var last = request.uri.split("/").pop();
  if (last.indexOf(".") === -1 && request.uri.indexOf("/.well-known/") !== 0) {
    request.uri = "/index.html";
  }
  return request;
}
