#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/strings.h"
#include "model/decoder.h"
#include "w8a16/error.h"

namespace w8a16 {

void KvCache::Impl::Reserve(int64_t positions) {
  if (positions <= capacity) return;
  constexpr int64_t kFirst = 64;
  const int64_t grown = std::min(context, std::max({positions, 2 * capacity, kFirst}));
  const size_t row = static_cast<size_t>(head_dim) * DTypeSize(dtype);
  const size_t bytes = static_cast<size_t>(kv_heads * grown) * row;
  for (std::vector<AlignedBuffer>* all : {&keys, &values}) {
    for (AlignedBuffer& old : *all) {
      AlignedBuffer fresh(bytes);
      for (int64_t head = 0; head < kv_heads && length > 0; ++head) {
        std::memcpy(fresh.data() + static_cast<size_t>(head * grown) * row,
                    old.data() + static_cast<size_t>(head * capacity) * row, static_cast<size_t>(length) * row);
      }
      old = std::move(fresh);
    }
  }
  capacity = grown;
}

void KvCache::Impl::Append(std::span<const int32_t> added) {
  if (keeps_ids) {
    ids.resize(static_cast<size_t>(length));
    ids.insert(ids.end(), added.begin(), added.end());
  }
  length += static_cast<int64_t>(added.size());
}

KvCache::KvCache(const Model& model) : impl_(std::make_unique<Impl>()) {
  const Architecture& a = model.impl().decoder.architecture();
  impl_->kv_heads = a.attention.kv_heads;
  impl_->head_dim = a.attention.head_dim;
  impl_->context = model.context();
  impl_->dtype = model.dtype();
  impl_->keys.resize(a.layers.size());
  impl_->values.resize(a.layers.size());
  impl_->keeps_ids = std::any_of(a.ropes.begin(), a.ropes.end(),
                                 [](const RopeSpec& rope) { return rope.length == RopeLength::kSwitch; });
}

KvCache::~KvCache() = default;
KvCache::KvCache(KvCache&&) noexcept = default;
KvCache& KvCache::operator=(KvCache&&) noexcept = default;

int64_t KvCache::length() const { return impl_->length; }
void KvCache::Clear() { impl_->length = 0; }

void KvCache::Truncate(int64_t length) {
  if (length < 0 || length > impl_->length) {
    throw Error(StrCat("a cache of ", impl_->length, " tokens cannot be cut to ", length));
  }
  impl_->length = length;
}

}  // namespace w8a16
