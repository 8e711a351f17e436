#pragma once

#include <map>
#include <set>
#include <string>

#include "checkpoint/json.h"
#include "hub/digest.h"
#include "testing/http_server.h"

namespace w8a16::testing {

inline std::string Checksum(const std::string& bytes, bool large) {
  FileDigest digest(std::string(large ? 64 : 40, '0'), bytes.size());
  digest.Update(bytes.data(), bytes.size());
  return digest.Finish();
}

/// A server that answers as the Hugging Face Hub does, for one model "org/name"; files in `large` are redirected to a
/// second server, as those in Git LFS are. Set up before the first request.
class FakeHub {
 public:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  std::map<std::string, std::string> files;
  std::set<std::string> large;
  std::string token = {};  ///< needed for everything, if any
  int status = 200;        ///< of everything, with this error code
  std::string error_code = {};
  bool ranges = true;
  std::map<std::string, size_t> cuts;               ///< bytes after which the first transfer of a file breaks
  std::map<std::string, std::string> sent_instead;  ///< other bytes than the checksum is of
  bool same_host = false;                           ///< large files are redirected to another path of the same server

  std::string url() const { return hub_.url(); }
  std::vector<ServerRequest> requests() const { return hub_.requests(); }
  std::vector<ServerRequest> store_requests() const { return store_.requests(); }

 private:
  ServerResponse Error(int code, const std::string& name) const { return {code, {{"X-Error-Code", name}}, name}; }

  ServerResponse AnswerHub(const ServerRequest& request) {
    if (request.path.rfind("/store/", 0) == 0) return AnswerStore(request);
    if (status != 200) return Error(status, error_code);
    const auto authorization = request.headers.find("authorization");
    if (!token.empty() && (authorization == request.headers.end() || authorization->second != "Bearer " + token)) {
      return Error(401, "RepoNotFound");
    }
    if (request.path.rfind("/api/models/org/name/revision/", 0) == 0) return Listing(request.path.substr(30));
    const std::string prefix = std::string("/org/name/resolve/") + kCommit + "/";
    if (request.path.rfind(prefix, 0) != 0) return Error(404, "RepoNotFound");
    const std::string name = request.path.substr(prefix.size());
    const auto file = files.find(name);
    if (file == files.end()) return Error(404, "EntryNotFound");
    if (large.count(name) == 0) {
      ServerResponse response = Bytes(request, name);
      response.headers["ETag"] = "\"" + Checksum(file->second, false) + "\"";
      response.headers["X-Repo-Commit"] = kCommit;
      return response;
    }
    return {302,
            {{"X-Linked-ETag", "\"" + Checksum(file->second, true) + "\""},
             {"X-Linked-Size", std::to_string(file->second.size())},
             {"X-Repo-Commit", kCommit},
             {"Location", (same_host ? "" : store_.url()) + "/store/" + name}},
            "redirected"};
  }

  ServerResponse AnswerStore(const ServerRequest& request) { return Bytes(request, request.path.substr(7)); }

  ServerResponse Listing(const std::string& revision) const {
    if (revision != "main" && revision != "v1.0" && revision != "refs%2Fpr%2F1" && revision != kCommit) {
      return Error(404, "RevisionNotFound");
    }
    Json siblings = Json::array();
    for (const auto& [name, bytes] : files) siblings.push_back({{"rfilename", name}});
    return {200, {}, Json({{"id", "org/name"}, {"sha", kCommit}, {"siblings", siblings}}).dump()};
  }

  ServerResponse Bytes(const ServerRequest& request, const std::string& name) {
    const auto instead = sent_instead.find(name);
    ServerResponse response = {200, {}, instead == sent_instead.end() ? files.at(name) : instead->second};
    const auto range = request.headers.find("range");
    if (range != request.headers.end() && ranges) {
      const size_t from = std::stoul(range->second.substr(6));
      if (from >= response.body.size()) return Error(416, "");
      response.status = 206;
      response.body = response.body.substr(from);
    }
    const auto cut = cuts.find(name);
    if (cut != cuts.end() && request.method == "GET") {
      response.cut_after = cut->second;
      cuts.erase(cut);
    }
    return response;
  }

  HttpServer store_{[this](const ServerRequest& request) { return AnswerStore(request); }};
  HttpServer hub_{[this](const ServerRequest& request) { return AnswerHub(request); }};
};

}  // namespace w8a16::testing
