#pragma once

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace w8a16::jinja {

// The filters that take lists (or what else can be looped over), by Jinja's names. Where Jinja gives an iterator, these
// give a list.

Value JoinFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value FirstFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value LastFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value ListFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value ReverseFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value MapFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value SelectFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value RejectFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value SelectAttrFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value RejectAttrFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value SortFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value UniqueFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value SumFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value MinFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value MaxFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value BatchFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value GroupByFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value DictSortFilter(Runtime& runtime, const Value& value, const Arguments& arguments);
Value ItemsFilter(Runtime& runtime, const Value& value, const Arguments& arguments);

}  // namespace w8a16::jinja
