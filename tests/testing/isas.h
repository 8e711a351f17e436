#pragma once

#include <gtest/gtest.h>

#include "base/isa.h"

namespace w8a16::testing {

/// Runs fn() under every instruction set that this machine has, then puts back the one in force.
template <class F>
void ForEachIsa(F fn) {
  const Isa before = ActiveIsa();
  for (Isa isa : AvailableIsas()) {
    SCOPED_TRACE(IsaName(isa));
    SelectIsa(isa);
    fn();
  }
  SelectIsa(before);
}

}  // namespace w8a16::testing
