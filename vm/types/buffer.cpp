// Getting at the memory of exporters: bytes, bytearray, memoryview, registered native types, and classes with
// __buffer__.
#include "vm/types/buffer.h"

#include <mutex>
#include <vector>

#include "vm/gc/heap.h"
#include "vm/os/memory.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/bytes_internal.h"
#include "vm/types/memoryview.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {
struct BufferRegistry {
  struct Entry {
    const TypeSpec* spec;
    const BufferProcs* procs;
  };
  std::mutex mutex;
  std::vector<Entry> entries;
};
const char kRegistryTag = 0;
}  // namespace

void register_buffer_type(Thread& t, const TypeSpec* spec, const BufferProcs* procs) {
  auto& registry = t.runtime().state<BufferRegistry>(&kRegistryTag);
  std::lock_guard<std::mutex> guard(registry.mutex);
  for (auto& entry : registry.entries)
    if (entry.spec == spec) return;
  registry.entries.push_back({spec, procs});
}

static const BufferProcs* find_procs(Thread& t, Value v) {
  if (!v.is_object() || (v.as_object()->kind() != Kind::Other && v.as_object()->kind() != Kind::Instance))
    return nullptr;
  auto& registry = t.runtime().state<BufferRegistry>(&kRegistryTag);
  std::lock_guard<std::mutex> guard(registry.mutex);
  if (registry.entries.empty()) return nullptr;
  for (Type* type = v.as_object()->type(); type != nullptr; type = type->base.load()) {
    if (type->spec == nullptr) continue;
    for (auto& entry : registry.entries)
      if (entry.spec == type->spec) return entry.procs;
  }
  return nullptr;
}

bool BufferView::contiguous() const {
  int64_t expected = item_size;
  for (int i = dimensions - 1; i >= 0; --i) {
    if (shape[i] > 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

void fill_buffer(BufferView* view, Value owner, void* data, int64_t items, int64_t item_size,
                 const char* format, bool read_only, const void* cell) {
  view->owner = owner;
  view->cell = cell;
  view->data = static_cast<uint8_t*>(data);
  view->size = items * item_size;
  view->item_size = item_size;
  view->format = format;
  view->read_only = read_only;
  view->dimensions = 1;
  view->shape[0] = items;
  view->strides[0] = item_size;
}

static bool has_dunder_buffer(Thread& t, Value v) {
  return v.is_object() && (v.as_object()->kind() == Kind::Instance || v.as_object()->kind() == Kind::Other) &&
         v.as_object()->type()->has(kTypeHeap) &&
         !type_lookup(t, v.as_object()->type(), intern(t, "__buffer__")).is_not_found();
}

bool supports_buffer(Thread& t, Value v) {
  if (!v.is_object()) return false;
  switch (v.as_object()->kind()) {
    case Kind::Bytes:
    case Kind::ByteArray:
    case Kind::MemoryView: return true;
    case Kind::Other:
    case Kind::Instance: return find_procs(t, v) != nullptr || has_dunder_buffer(t, v);
    default: return false;
  }
}

static Status view_of_memoryview(Thread& t, Value v, BufferView* view) {
  auto* m = v.as<MemoryViewObject>();
  if (m->released.load())
    return t.raise(Exc::ValueError, "operation forbidden on released memoryview object");
  view->owner = v;
  view->cell = m->cell;
  view->data = m->data;
  view->size = m->size;
  view->item_size = m->item_size;
  view->format = m->format.get().as<StrObject>()->ascii().data();
  view->read_only = m->read_only;
  if (m->procs != nullptr) {
    BufferView again;
    TRY(m->procs->acquire(t, m->owner, &again));
    if (m->released.load()) {  // meanwhile: the owner may have given the memory away before this held it
      m->procs->release(m->owner);
      return t.raise(Exc::ValueError, "operation forbidden on released memoryview object");
    }
    view->owner = m->owner;
    view->procs = m->procs;
  }
  view->dimensions = m->dimensions;
  std::copy(m->shape(), m->shape() + m->dimensions, view->shape);
  std::copy(m->strides(), m->strides() + m->dimensions, view->strides);
  return {};
}

static Status acquire_bytearray(Thread& t, Value v, BufferView* view) {
  auto* b = v.as<ByteArrayObject>();
  ObjectLock lock(t, b);
  b->pins.fetch_add(1);
  std::string_view own = b->view();
  fill_buffer(view, v, const_cast<char*>(own.data()), static_cast<int64_t>(own.size()), 1, "B", false,
              b->cell.load());
  return {};
}
static void release_bytearray(Value v) { v.as<ByteArrayObject>()->pins.fetch_sub(1); }
static const BufferProcs kByteArrayBuffer = {acquire_bytearray, release_bytearray};

void settle_exports(Thread& t, const std::atomic<int32_t>& exports) {
  if (exports.load() > 0) t.heap().collect(t);
}
Status check_exports(Thread& t, const std::atomic<int32_t>& exports, const char* message) {
  if (exports.load() == 0) return {};
  return t.raise_text(Exc::BufferError, message);
}

Status get_buffer(Thread& t, Value v, BufferView* view, bool writable) {
  Kind kind = v.is_object() ? v.as_object()->kind() : Kind::Free;
  if (kind == Kind::Bytes) {
    auto* b = v.as<BytesObject>();
    fill_buffer(view, v, b->data(), static_cast<int64_t>(b->size), 1, "B", true);
  } else if (kind == Kind::ByteArray) {
    TRY(acquire_bytearray(t, v, view));
    view->procs = &kByteArrayBuffer;
  } else if (kind == Kind::MemoryView) {
    TRY(view_of_memoryview(t, v, view));
  } else if (const BufferProcs* procs = find_procs(t, v)) {
    TRY(procs->acquire(t, v, view));
    if (procs->release != nullptr) view->procs = procs;
  } else if (has_dunder_buffer(t, v)) {
    Value made = TRY(call_special(t, v, intern(t, "__buffer__"), {Value::from_int(writable ? 1 : 0)}));
    if (!is_kind(made, Kind::MemoryView)) {
      return t.raise(Exc::TypeError, "__buffer__ returned non-memoryview object");
    }
    TRY(view_of_memoryview(t, made, view));
  } else {
    return t.raise(Exc::TypeError, "a bytes-like object is required, not '{}'", type_name(t, v));
  }
  if (writable && view->read_only) {
    release_buffer(*view);
    return t.raise(Exc::BufferError, "Object is not writable.");
  }
  return {};
}

void release_buffer(BufferView& view) {
  if (view.procs != nullptr) view.procs->release(view.owner);
  view.procs = nullptr;
}

static void append_dimension(const BufferView& view, int dimension, const uint8_t* data, std::string& out) {
  if (dimension == view.dimensions) {
    out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(view.item_size));
    return;
  }
  for (int64_t i = 0; i < view.shape[dimension]; ++i)
    append_dimension(view, dimension + 1, data + i * view.strides[dimension], out);
}

static std::string copy_of(const BufferView& view) {
  if (view.contiguous()) return std::string(view.bytes());
  std::string out;
  out.reserve(static_cast<size_t>(view.size));
  append_dimension(view, 0, view.data, out);
  return out;
}

std::string buffer_to_bytes(Thread& t, const BufferView& view) {
  if (!is_kind(view.owner, Kind::ByteArray)) return copy_of(view);
  ObjectLock lock(t, view.owner.as_object());
  return copy_of(view);
}

Status HeldBuffer::get(Thread& t, Value v, bool writable) {
  if (is_bytes(v) && !writable) {  // nothing to release
    auto* bytes = v.as<BytesObject>();
    view_.owner = v;
    view_.data = bytes->data();
    view_.size = static_cast<int64_t>(bytes->size);
    bytes_ = bytes->view();
    return {};
  }
  TRY(get_buffer(t, v, &view_, writable));
  held_ = true;
  if (view_.contiguous()) {
    bytes_ = view_.bytes();
  } else {
    if (writable) return t.raise(Exc::BufferError, "memoryview: underlying buffer is not C-contiguous");
    copy_ = buffer_to_bytes(t, view_);
    bytes_ = copy_;
  }
  return {};
}

std::string_view HeldBuffer::steady(Thread& t) {
  if (held_ && free_threaded(t) && os::has_room(bytes_.size())) bytes_ = copy_ = buffer_to_bytes(t, view_);
  return bytes_;
}

Result<std::string_view> bytes_view(Thread& t, Value v) {
  if (is_bytes(v)) return v.as<BytesObject>()->view();
  if (is_kind(v, Kind::ByteArray)) return bytearray_content(t, v.as<ByteArrayObject>());
  BufferView view;
  TRY(get_buffer(t, v, &view));
  // Without a GIL another thread may free the memory once it is released (mmap.close()).
  if (free_threaded(t) && view.procs != nullptr && view.size > 0 && view.contiguous()) {
    auto size = static_cast<size_t>(view.size);
    if (void* copy = t.heap().allocate_raw(t, size))
      view.data = static_cast<uint8_t*>(std::memcpy(copy, view.data, size));
  }
  release_buffer(view);
  if (!view.contiguous())
    return t.raise(Exc::BufferError, "memoryview: underlying buffer is not C-contiguous");
  return view.bytes();
}

}  // namespace mp
