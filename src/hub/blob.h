#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "hub/cache.h"
#include "hub/http.h"

namespace w8a16 {

/// One file to fetch into a repository's blobs/.
struct BlobRequest {
  const CachedRepository& repository;
  HttpClient& http;
  std::string url;
  std::string checksum;
  uint64_t bytes = 0;
  std::chrono::milliseconds retry_delay{0};
  std::function<void(uint64_t done)> progress;             ///< bytes of this file
  std::function<void(const HttpResponse& response)> fail;  ///< must throw; for answers other than success
};

/// Fetches the file to blobs/CHECKSUM.incomplete, from where a former attempt ended, taking broken transfers up again,
/// and renames it when its checksum is right. Does nothing where the blob is there. Throws Error for wrong bytes (which
/// are removed) and a full disk; NetworkError where the server stays away.
void FetchBlob(const BlobRequest& request);

/// Bytes of the blob, whole or not, that are there.
uint64_t BlobBytes(const CachedRepository& repository, const std::string& checksum);

}  // namespace w8a16
