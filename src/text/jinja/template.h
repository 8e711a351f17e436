#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "checkpoint/json.h"

namespace w8a16::jinja {

/// A Jinja template, as transformers renders chat templates: an immutable sandbox with trim_blocks and lstrip_blocks,
/// the loop controls, raise_exception, strftime_now and {% generation %}. What is supported is in docs/generation.md;
/// anything else is an Error that names the line. Immutable; may be used from several threads at once.
class Template {
 public:
  /// `source` is what messages call it.
  static Template Parse(std::string_view text, std::string_view source);

  /// The text for the variables of the object `variables`; `now` is the local time that strftime_now tells. Throws
  /// Error naming the line: for what Python would raise, for raise_exception (its message), and for too much work,
  /// memory or recursion.
  std::string Render(const Json& variables, const std::tm& now) const;

  struct Impl;

 private:
  explicit Template(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace w8a16::jinja
