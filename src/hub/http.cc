#include "hub/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <utility>

#include "base/strings.h"

namespace w8a16 {
namespace {

constexpr size_t kMaxBody = 64 << 20;
constexpr int kMaxRedirections = 10;

// What curl tells apart when it decides whether two URLs are of one server.
struct Origin {
  std::string scheme;
  std::string host;
  std::string port;
  bool operator==(const Origin&) const = default;
};

class Url {
 public:
  explicit Url(const std::string& text) : handle_(curl_url()) { Set(text); }
  ~Url() { curl_url_cleanup(handle_); }
  Url(const Url&) = delete;
  Url& operator=(const Url&) = delete;

  // A relative one is taken relative to what was there.
  void Set(const std::string& text) {
    if (curl_url_set(handle_, CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
      throw Error(StrCat("not a URL: ", text.substr(0, 200)));
    }
  }
  std::string Text() const { return Part(CURLUPART_URL); }
  Origin GetOrigin() const { return {Part(CURLUPART_SCHEME), Part(CURLUPART_HOST), Part(CURLUPART_PORT)}; }

 private:
  std::string Part(CURLUPart part) const {
    char* text = nullptr;
    if (curl_url_get(handle_, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return "";
    std::string copy = text;
    curl_free(text);
    return copy;
  }

  CURLU* handle_;
};

// One request: what curl's callbacks fill.
struct Exchange {
  CURL* curl;
  const HttpClient::Sink* sink;
  HttpResponse response;
  std::exception_ptr failure;  // of the sink: nothing may be thrown through curl
};

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) exchange.response.headers.clear();  // after "100 Continue"
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string_view value = line.substr(colon + 1);
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  exchange.response.headers[std::move(name)] = value;
  return line.size();
}

size_t OnBody(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const size_t bytes = size * count;
  try {
    long status = 0;
    curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &status);
    exchange.response.status = static_cast<int>(status);
    if (exchange.sink != nullptr && status / 100 == 2) {
      (*exchange.sink)(exchange.response, std::as_bytes(std::span(data, bytes)));
    } else {
      exchange.response.body.append(data, std::min(bytes, kMaxBody - exchange.response.body.size()));
    }
    return bytes;
  } catch (...) {
    exchange.failure = std::current_exception();
    return 0;
  }
}

class HeaderList {
 public:
  HeaderList() = default;
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void Add(const std::string& header) { list_ = curl_slist_append(list_, header.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

struct Request {
  bool head = false;
  uint64_t from = 0;
  const HttpClient::Sink* sink = nullptr;
};

}  // namespace

struct HttpClient::Impl {
  CURL* curl = nullptr;
  std::string endpoint;
  std::string token;
  Origin origin;

  HttpResponse Once(const std::string& url, const Request& request);
  HttpResponse Follow(const std::string& url, const Request& request);
};

HttpResponse HttpClient::Impl::Once(const std::string& url, const Request& request) {
  curl_easy_reset(curl);  // keeps the connection
  std::array<char, CURL_ERROR_SIZE> message{};
  HeaderList headers;
  headers.Add("Accept-Encoding: identity");  // ETags and sizes of the file itself
  if (!token.empty() && Url(url).GetOrigin() == origin) headers.Add("Authorization: Bearer " + token);
  Exchange exchange = {curl, request.sink, {}, nullptr};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "w8a16");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message.data());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 15L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 30L);
  if (request.head) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  const std::string range = StrCat(request.from, "-");
  if (request.from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());

  const CURLcode code = curl_easy_perform(curl);
  if (exchange.failure) std::rethrow_exception(exchange.failure);
  if (code != CURLE_OK) {
    const char* reason = message[0] != '\0' ? message.data() : curl_easy_strerror(code);
    throw NetworkError(StrCat("cannot get ", url.substr(0, 300), ": ", reason));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  return std::move(exchange.response);
}

// Not curl's own following: it must be certain who gets the token.
HttpResponse HttpClient::Impl::Follow(const std::string& url, const Request& request) {
  Url at(url);
  for (int i = 0; i <= kMaxRedirections; ++i) {
    HttpResponse response = Once(at.Text(), request);
    const std::string location = response.Header("location");
    if (response.status / 100 != 3 || location.empty()) return response;
    if (request.head && !response.Header("x-linked-etag").empty()) return response;
    const bool secure = at.GetOrigin().scheme == "https";
    at.Set(location);
    if (secure && at.GetOrigin().scheme != "https") {
      throw Error(
          StrCat(url, ": the server redirects from https to ", at.Text().substr(0, 200), ", which is not safe"));
    }
  }
  throw Error(StrCat(url, ": the server redirects more than ", kMaxRedirections, " times"));
}

std::string HttpResponse::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpClient::HttpClient(std::string_view endpoint, std::string_view token) : impl_(std::make_unique<Impl>()) {
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  impl_->curl = initialized == CURLE_OK ? curl_easy_init() : nullptr;
  if (impl_->curl == nullptr) throw Error("libcurl cannot be initialized");
  impl_->endpoint = endpoint;
  impl_->token = token;
  impl_->origin = Url(impl_->endpoint).GetOrigin();
}

HttpClient::~HttpClient() { curl_easy_cleanup(impl_->curl); }

HttpResponse HttpClient::Get(const std::string& url) { return impl_->Follow(url, {}); }
HttpResponse HttpClient::Head(const std::string& url) { return impl_->Follow(url, {.head = true}); }
HttpResponse HttpClient::Download(const std::string& url, uint64_t from, const Sink& sink) {
  return impl_->Follow(url, {.from = from, .sink = &sink});
}

std::string UrlEscape(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      escaped += c;
    } else {
      escaped += {'%', kDigits[byte >> 4], kDigits[byte & 0xF]};
    }
  }
  return escaped;
}

}  // namespace w8a16
