#include "hub/digest.h"

#include <openssl/evp.h>

#include <array>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr size_t kSha1Digits = 40;
constexpr size_t kSha256Digits = 64;

void Check(int result) {
  if (result != 1) throw Error("OpenSSL cannot compute checksums");
}

}  // namespace

struct FileDigest::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

bool FileDigest::IsChecksum(std::string_view text) {
  return (text.size() == kSha1Digits || text.size() == kSha256Digits) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

FileDigest::FileDigest(std::string_view checksum, uint64_t bytes) : context_(std::make_unique<Context>()) {
  const bool git = checksum.size() == kSha1Digits;
  Check(EVP_DigestInit_ex(context_->evp, git ? EVP_sha1() : EVP_sha256(), nullptr));
  if (git) {
    const std::string header = StrCat("blob ", bytes);
    Update(header.c_str(), header.size() + 1);
  }
}

FileDigest::~FileDigest() = default;

void FileDigest::Update(const void* data, size_t bytes) { Check(EVP_DigestUpdate(context_->evp, data, bytes)); }

std::string FileDigest::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  Check(EVP_DigestFinal_ex(context_->evp, digest.data(), &size));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 0xF];
  }
  return text;
}

}  // namespace w8a16
