// BufferedRWPair: a reader and a writer that behave as one stream (pipes, sockets).
#include "stdlib/native/io.h"

namespace mp::io {

namespace {

struct PairObject : Object {
  Slot reader, writer;
};
void trace_pair(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<PairObject*>(object)->reader);
  tracer.visit(static_cast<PairObject*>(object)->writer);
}
Result<Value> pair_init(Thread& t, const Value* args) {
  auto* self = args[0].as<PairObject>();
  if (!TRY(ask(t, args[1], "readable"))) return unsupported(t, "File or stream is not readable.");
  if (!TRY(ask(t, args[2], "writable"))) return unsupported(t, "File or stream is not writable.");
  self->reader = TRY(call(t, native_type(t, kBufferedReaderSpec), {args[1], args[3]}));
  self->writer = TRY(call(t, native_type(t, kBufferedWriterSpec), {args[2], args[3]}));
  return kNone;
}
Result<Value> pair_new(Thread& t, Value cls, const CallArgs&) { return allocate_instance(t, cls.as<Type>()); }
Result<Value> pair_part(Thread& t, const Value* args, bool reading) {
  auto* self = args[0].as<PairObject>();
  Value part = reading ? self->reader : self->writer;
  if (part.is_empty()) return t.raise(Exc::ValueError, "I/O operation on uninitialized object");
  return part;
}
constexpr char kRead[] = "read", kRead1[] = "read1", kReadinto[] = "readinto", kReadinto1[] = "readinto1",
               kPeek[] = "peek", kWrite[] = "write", kFlush[] = "flush";
template <const char* name, bool Reading, int Arguments>
Result<Value> pair_forward(Thread& t, const Value* args) {
  Value part = TRY(pair_part(t, args, Reading));
  if constexpr (Arguments == 0) return call_name(t, part, name);
  return call_name(t, part, name, {args[1]});
}
Result<Value> pair_close(Thread& t, const Value* args) {
  Value writer = TRY(pair_part(t, args, false)), reader = TRY(pair_part(t, args, true));
  Result<Value> first = call_method(t, writer, t.names().close);
  Value exception = first.is_error() ? t.take_exception() : kEmpty;
  Result<Value> second = call_method(t, reader, t.names().close);
  if (exception.is_empty()) return second;
  if (second.is_error()) t.clear_exception();
  t.restore_exception(exception);
  return Error{};
}
Result<Value> pair_isatty(Thread& t, const Value* args) {
  Value writer = TRY(pair_part(t, args, false));
  if (TRY(ask(t, writer, "isatty"))) return kTrue;
  return call_name(t, TRY(pair_part(t, args, true)), "isatty");
}
Result<Value> pair_closed(Thread& t, Value self) {
  TRY(t.check_stack());  // a script can make a ring of streams
  Value writer = TRY(pair_part(t, &self, false));
  return get_attr(t, writer, "closed");
}
const NativeDef kPairMethods[] = {
    MP_RAW_NEW(pair_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(pair_init, "__init__(self, /, reader, writer, buffer_size=8192)", nullptr),
    MP_METHOD((pair_forward<kRead, true, 1>), "read(self, size=-1, /)", nullptr),
    MP_METHOD((pair_forward<kRead1, true, 1>), "read1(self, size=-1, /)", nullptr),
    MP_METHOD((pair_forward<kPeek, true, 1>), "peek(self, size=0, /)", nullptr),
    MP_METHOD((pair_forward<kReadinto, true, 1>), "readinto(self, buffer, /)", nullptr),
    MP_METHOD((pair_forward<kReadinto1, true, 1>), "readinto1(self, buffer, /)", nullptr),
    MP_METHOD((pair_forward<kWrite, false, 1>), "write(self, buffer, /)", nullptr),
    MP_METHOD((pair_forward<kFlush, false, 0>), "flush(self, /)", nullptr),
    MP_METHOD((pair_forward<kReadable, true, 0>), "readable(self, /)", nullptr),
    MP_METHOD((pair_forward<kWritable, false, 0>), "writable(self, /)", nullptr),
    MP_METHOD(pair_close, "close(self, /)", nullptr),
    MP_METHOD(pair_isatty, "isatty(self, /)", nullptr),
    MP_END};
const GetSetDef kPairGetSets[] = {{"closed", pair_closed, nullptr, nullptr}, {}};

}  // namespace

const TypeSpec kBufferedPairSpec = {.name = "_io.BufferedRWPair",
                                    .base_spec = &kBufferedIOBaseSpec,
                                    .size = sizeof(PairObject),
                                    .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                    .doc = "A buffered reader and writer object together.",
                                    .trace = trace_pair,
                                    .methods = kPairMethods,
                                    .getsets = kPairGetSets};

}  // namespace mp::io
