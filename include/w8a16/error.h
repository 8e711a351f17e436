#pragma once

#include <stdexcept>

namespace w8a16 {

/// The one exception type of the libraries. Its text names the file, the tensor or layer it is about, and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace w8a16
