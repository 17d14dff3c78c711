// The buffer interface: how bytes, bytearray, memoryview and native types (array.array, mmap) lend their
// memory. It copies nothing.
//
// A native type lends its memory by registering BufferProcs for its TypeSpec once per runtime
// (register_buffer_type). Memory in a raw GC cell is named in BufferView::cell: the collector keeps it as
// long as any view is alive. An exporter that can be resized or closed counts its views in `acquire` and
// `release`.
#pragma once
#include "vm/types/containers.h"

namespace mp {

inline constexpr int kMaxBufferDimensions = 64;

struct BufferView {
  Value owner;                 // the exporter
  const void* cell = nullptr;  // raw cell that holds the memory, or null when it is inside `owner`
  uint8_t* data = nullptr;
  int64_t size = 0;  // bytes: item_size times all of shape
  int64_t item_size = 1;
  const char* format = "B";  // struct syntax; static text or owned by `owner`
  bool read_only = true;
  int dimensions = 1;
  int64_t shape[kMaxBufferDimensions];        // items; of the dimensions there are, as the strides
  int64_t strides[kMaxBufferDimensions];      // bytes
  const struct BufferProcs* procs = nullptr;  // with a release function, or null
  bool contiguous() const;                    // in C order
  std::string_view bytes() const { return {reinterpret_cast<const char*>(data), static_cast<size_t>(size)}; }
};

struct BufferProcs {
  Status (*acquire)(Thread& t, Value owner, BufferView* view) = nullptr;
  void (*release)(Value owner) = nullptr;  // may be null
};

// TypeError "a bytes-like object is required, not 'int'"; BufferError "Object is not writable." A successful
// get needs a release_buffer.
Status get_buffer(Thread& t, Value v, BufferView* view, bool writable = false);
void release_buffer(BufferView& view);
bool supports_buffer(Thread& t, Value v);
void register_buffer_type(Thread& t, const struct TypeSpec* spec, const BufferProcs* procs);
// Fills in a one-dimensional view.
void fill_buffer(BufferView* view, Value owner, void* data, int64_t items, int64_t item_size,
                 const char* format, bool read_only, const void* cell = nullptr);

// Holds a buffer for a scope, contiguous whatever the exporter's strides (a copy when needed).
class HeldBuffer {
 public:
  HeldBuffer() = default;
  ~HeldBuffer() {
    if (held_) release_buffer(view_);
  }
  HeldBuffer(const HeldBuffer&) = delete;
  Status get(Thread& t, Value v, bool writable = false);
  std::string_view bytes() const { return bytes_; }
  // For what reads them more than once and trusts the first time: without a GIL another thread may change the
  // content meanwhile, so these are a copy of one moment then.
  std::string_view steady(Thread& t);
  uint8_t* data() const { return view_.data; }
  const BufferView& view() const { return view_; }

 private:
  BufferView view_;
  bool held_ = false;
  std::string copy_;
  std::string_view bytes_;
};
// The views of an exporter that are out. One that nobody can reach any more counts until it is collected, so
// who is about to resize settles first, before it takes the exporter's lock: when views are out, that
// collects.
void settle_exports(Thread& t, const std::atomic<int32_t>& exports);
// BufferError while views are out.
Status check_exports(Thread& t, const std::atomic<int32_t>& exports,
                     const char* message = "Existing exports of data: object cannot be re-sized");
// The content of a view in C order; of a bytearray as it was at one moment.
std::string buffer_to_bytes(Thread& t, const BufferView& view);

// memoryview(v).
Result<Value> make_memoryview(Thread& t, Value v);

}  // namespace mp
