#pragma once

#include <string>
#include <vector>

namespace w8a16 {

/// A table of text with aligned columns.
class Table {
 public:
  /// Titles of the columns; one that begins with '>' is aligned to the right.
  explicit Table(const std::vector<std::string>& titles);
  /// As many cells as there are columns.
  void AddRow(std::vector<std::string> cells);
  /// Header, rule and rows, one line each.
  std::string Render() const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // the first holds the titles
};

}  // namespace w8a16
