#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "w8a16/error.h"

namespace w8a16 {

/// The server could not be reached, or the connection broke: worth another try.
class NetworkError : public Error {
 public:
  using Error::Error;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;                            ///< what no sink took; cut at 64 MB

  /// Empty where the server did not send it.
  std::string Header(const std::string& name) const;
};

/// HTTP for one endpoint, over one connection that is kept. Redirections are followed; the token goes to the endpoint's
/// own host and to no other, and never from https to http.
class HttpClient {
 public:
  /// `endpoint` as in HubSettings; `token` may be empty.
  HttpClient(std::string_view endpoint, std::string_view token);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Gets the bytes of a successful answer, which `response` begins, as they come.
  using Sink = std::function<void(const HttpResponse& response, std::span<const std::byte> bytes)>;

  /// All throw NetworkError where there is no answer; an answer of any status is returned.
  HttpResponse Get(const std::string& url);
  /// Stops at an answer that names a large file (X-Linked-Etag) rather than going on to where its bytes are.
  HttpResponse Head(const std::string& url);
  /// The bytes from `from` on, if the server can do that (status 206), else all of them (200).
  HttpResponse Download(const std::string& url, uint64_t from, const Sink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// `text` with all but letters, digits and -._~ escaped for a URL.
std::string UrlEscape(std::string_view text);

}  // namespace w8a16
