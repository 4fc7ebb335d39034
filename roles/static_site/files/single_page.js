// Runs at the edge on each request that does not go to the API: a path without a file name is one of the application's own,
// and is answered with its one page. A file that does not exist stays an error instead of becoming a page.
function handler(event) {
  var request = event.request;
  var last = request.uri.split("/").pop();
  if (last.indexOf(".") === -1 && request.uri.indexOf("/.well-known/") !== 0) {
    request.uri = "/index.html";
  }
  return request;
}
