#include "cli/temp_dir.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {

TempDir::TempDir() {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::temp_directory_path(error);
  if (error) throw Error(StrCat("TMPDIR: ", error.message(), "; set it to a directory that can be written"));
  std::string name = (root / "w8a16-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw Error(StrCat(root.string(), ": cannot make a temporary directory there: ", std::strerror(errno),
                       "; set TMPDIR to a directory that can be written"));
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace w8a16
