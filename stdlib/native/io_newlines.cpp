// Universal newlines, and IncrementalNewlineDecoder.
#include "stdlib/native/io_newlines.h"

#include "stdlib/native/io.h"
#include "vm/os/memory.h"

namespace mp::io {

void translate_newlines(NewlineState& state, std::string_view text, bool translate, bool final,
                        std::string& out) {
  std::string joined;
  if (state.pending_cr) {
    joined = "\r";
    joined += text;
    text = joined;
    state.pending_cr = false;
  }
  if (!final && !text.empty() && text.back() == '\r') {
    text.remove_suffix(1);
    state.pending_cr = true;
  }
  append_newlines(text, translate, &state.seen, out);
}

Value seen_newlines(Thread& t, uint8_t seen) {
  const char* texts[] = {"\r", "\n", "\r\n"};
  const uint8_t bits[] = {2, 1, 4};
  Value items[3];
  size_t count = 0;
  for (int k = 0; k < 3; ++k)
    if (seen & bits[k]) items[count++] = make_str(t, texts[k]);
  if (count == 0) return kNone;
  return count == 1 ? items[0] : Value(make_tuple(t, items, count));
}

namespace {

struct NewlineDecoderObject : Object {
  StreamLock lock;
  Slot decoder;
  bool translate;
  NewlineState state;
};
void trace_decoder(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<NewlineDecoderObject*>(object)->decoder);
}
Result<Value> decoder_new(Thread& t, const Value* args) {
  auto* self = t.heap().make<NewlineDecoderObject>(t, args[0].as<Type>());
  self->decoder = args[1];
  self->translate = TRY(truth(t, args[2]));
  return self;
}
Result<Value> decoder_decode(Thread& t, const Value* args) {
  auto* self = args[0].as<NewlineDecoderObject>();
  bool final = TRY(truth(t, args[2]));
  Value text = args[1];
  if (!self->decoder.get().is_none())
    text = TRY(call_method(t, self->decoder, t.names().decode, {text, Value::from_bool(final)}));
  if (!is_str(text))
    return t.raise(Exc::TypeError, "decoder should return a string result, not '{}'", type_name(t, text));
  if (!os::has_room(text.as<StrObject>()->byte_size() * 3)) return t.raise_memory_error();
  std::string out;
  translate_newlines(self->state, to_utf8(text.as<StrObject>()), self->translate, final, out);
  return make_str(t, out);
}
Result<Value> decoder_getstate(Thread& t, const Value* args) {
  auto* self = args[0].as<NewlineDecoderObject>();
  Value buffer = make_bytes(t, "");
  Value flag = Value::from_int(0);
  if (!self->decoder.get().is_none()) {
    Value state = TRY(call_name(t, self->decoder, "getstate"));
    if (!is_tuple(state) || state.as<TupleObject>()->size != 2)
      return t.raise(Exc::TypeError, "illegal decoder state");
    buffer = (*state.as<TupleObject>())[0];
    flag = (*state.as<TupleObject>())[1];
  }
  flag = TRY(int_lshift(t, flag, Value::from_int(1)));
  if (self->state.pending_cr) flag = TRY(int_add(t, flag, Value::from_int(1)));
  return make_tuple(t, {buffer, flag});
}
Result<Value> decoder_setstate(Thread& t, const Value* args) {
  auto* self = args[0].as<NewlineDecoderObject>();
  if (!is_tuple(args[1]) || args[1].as<TupleObject>()->size != 2)
    return t.raise(Exc::TypeError, "state argument must be a tuple");
  Value flag = TRY(to_index(t, (*args[1].as<TupleObject>())[1]));
  Value rest = TRY(int_rshift(t, flag, Value::from_int(1)));
  self->state.pending_cr = int_compare(TRY(int_mod(t, flag, Value::from_int(2))), Value::from_int(0)) != 0;
  if (!self->decoder.get().is_none())
    return call_name(t, self->decoder, "setstate", {make_tuple(t, {(*args[1].as<TupleObject>())[0], rest})});
  return kNone;
}
Result<Value> decoder_reset(Thread& t, const Value* args) {
  auto* self = args[0].as<NewlineDecoderObject>();
  self->state = {};
  if (!self->decoder.get().is_none()) return call_name(t, self->decoder, "reset");
  return kNone;
}
Result<Value> decoder_newlines(Thread& t, Value self) {
  return seen_newlines(t, self.as<NewlineDecoderObject>()->state.seen);
}
const NativeDef kDecoderMethods[] = {
    MP_NEW(decoder_new, "__new__(cls, decoder, translate, errors='strict')", nullptr),
    MP_METHOD((exclusive<NewlineDecoderObject, decoder_decode>), "decode(self, /, input, final=False)",
              nullptr),
    MP_METHOD((exclusive<NewlineDecoderObject, decoder_getstate>), "getstate(self, /)", nullptr),
    MP_METHOD((exclusive<NewlineDecoderObject, decoder_setstate>), "setstate(self, state, /)", nullptr),
    MP_METHOD((exclusive<NewlineDecoderObject, decoder_reset>), "reset(self, /)", nullptr),
    MP_END};
const GetSetDef kDecoderGetSets[] = {
    {"newlines", exclusive_slot<NewlineDecoderObject, decoder_newlines>, nullptr, nullptr}, {}};

}  // namespace

const TypeSpec kNewlineDecoderSpec = {.name = "_io.IncrementalNewlineDecoder",
                                      .size = sizeof(NewlineDecoderObject),
                                      .flags = kTypeBaseType,
                                      .doc = "Codec used when reading a file in universal newlines mode.",
                                      .trace = trace_decoder,
                                      .methods = kDecoderMethods,
                                      .getsets = kDecoderGetSets};

}  // namespace mp::io
