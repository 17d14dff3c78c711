// pickle.PickleBuffer (PEP 574): a buffer that a Pickler may leave out of the stream.
#include "stdlib/native/pickle.h"
#include "vm/types/buffer.h"

namespace mp {

namespace {

struct PickleBufferObject : Object {
  Slot view;  // a memoryview; empty: released
};

Result<Value> view_of(Thread& t, Value self) {
  Value view = self.as<PickleBufferObject>()->view;
  if (view.is_empty()) return t.raise(Exc::ValueError, "operation forbidden on released PickleBuffer object");
  return view;
}
// The view that is handed out is the exporter's: releasing it needs nothing of ours.
Status acquire(Thread& t, Value owner, BufferView* view) {
  return get_buffer(t, TRY(view_of(t, owner)), view);
}
const BufferProcs kProcs = {acquire, nullptr};

Result<Value> buffer_new(Thread& t, const Value* args) {
  Value view = TRY(make_memoryview(t, args[1]));
  auto* buffer = t.heap().make<PickleBufferObject>(t, args[0].as<Type>());
  buffer->view = view;
  return Value(buffer);
}
Result<Value> buffer_raw(Thread& t, const Value* args) {
  Value view = TRY(view_of(t, args[0]));
  {
    BufferView held;
    TRY(get_buffer(t, view, &held));
    bool contiguous = held.contiguous();
    release_buffer(held);
    if (!contiguous) return t.raise(Exc::BufferError, "cannot extract raw buffer from non-contiguous buffer");
  }
  return call_method(t, TRY(make_memoryview(t, view)), intern(t, "cast"), {Value(make_str(t, "B"))});
}
Result<Value> buffer_release(Thread& t, const Value* args) {
  Value view = args[0].as<PickleBufferObject>()->view.exchange(kEmpty);
  if (!view.is_empty()) TRY(call_method(t, view, intern(t, "release")));
  return kNone;
}
void trace_buffer(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<PickleBufferObject*>(self)->view);
}

const NativeDef kMethods[] = {
    MP_NEW(buffer_new, "__new__(cls, object, /)", nullptr),
    MP_METHOD(
        buffer_raw, "raw(self, /)",
        "Return a memoryview of the raw memory underlying this buffer.\n\nWill raise BufferError is the "
        "buffer isn't contiguous."),
    MP_METHOD(buffer_release, "release(self, /)",
              "Release the underlying buffer exposed by the PickleBuffer object."),
    MP_END};

}  // namespace

void register_pickle_buffer(Thread& t) { register_buffer_type(t, &kPickleBufferSpec, &kProcs); }

const TypeSpec kPickleBufferSpec = {.name = "pickle.PickleBuffer",
                                    .size = sizeof(PickleBufferObject),
                                    .flags = kTypeBaseType | kTypeHasWeakref,
                                    .doc = "Wrapper for potentially out-of-band buffers",
                                    .trace = trace_buffer,
                                    .methods = kMethods};

Status Saver::save_buffer(Value buffer) {
  if (protocol_ < 5) return raise_pickling(t_, "PickleBuffer can only be pickled with protocol >= 5");
  BufferView view;
  TRY(get_buffer(t_, buffer, &view));
  bool contiguous = view.contiguous(), read_only = view.read_only;
  std::string content = contiguous ? std::string(view.bytes()) : std::string();
  release_buffer(view);
  if (!contiguous)
    return raise_pickling(t_, "PickleBuffer can not be pickled when pointing to a non-contiguous buffer");
  Value callback = pickler_->buffer_callback;
  bool in_band = callback.is_empty() || TRY(truth(t_, TRY(call(t_, callback, {buffer}))));
  if (in_band) return read_only ? save_bytes_of(content, buffer) : save_bytearray_of(content, buffer);
  put(kNextBuffer);
  if (read_only) put(kReadOnlyBuffer);
  return {};
}

}  // namespace mp
