// The traceback type.
#include "vm/exec/frame.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

static TracebackObject* tb(Value v) { return v.as<TracebackObject>(); }

static Result<Value> tb_new(Thread& t, const Value* args) {
  if (!args[1].is_none() && !is_kind(args[1], Kind::Traceback))
    return t.raise(Exc::TypeError, "expected traceback object or None, got '{}'", type_name(t, args[1]));
  if (!is_kind(args[2], Kind::Frame))
    return t.raise(Exc::TypeError, "TracebackType() argument 'tb_frame' must be frame, not {}",
                   type_name(t, args[2]));
  int lasti = TRY(to_c_int(t, args[3]));
  int line = TRY(to_c_int(t, args[4]));
  auto* made = t.heap().make<TracebackObject>(t, t.types().traceback);
  made->next = args[1].is_none() ? kEmpty : args[1];
  made->frame = args[2];
  made->last_instruction = lasti;
  made->line = line;
  return made;
}
static Result<Value> get_next(Thread&, Value self) {
  Value v = tb(self)->next;
  return v.is_empty() ? kNone : v;
}
static Status set_next(Thread& t, Value self, Value value) {
  if (value.is_empty()) return t.raise(Exc::TypeError, "can't delete tb_next attribute");
  if (!value.is_none() && !is_kind(value, Kind::Traceback))
    return t.raise(Exc::TypeError, "expected traceback object, got '{}'", type_name(t, value));
  for (Value each = value; is_kind(each, Kind::Traceback); each = tb(each)->next)
    if (each == self) return t.raise(Exc::ValueError, "traceback loop detected");
  tb(self)->next = value.is_none() ? kEmpty : value;
  return {};
}
static Result<Value> get_frame(Thread&, Value self) { return tb(self)->frame; }
static Result<Value> get_lasti(Thread&, Value self) { return Value::from_int(tb(self)->last_instruction); }
static Result<Value> get_line(Thread&, Value self) {
  int32_t line = traceback_line(tb(self));
  if (line < 0) return kNone;
  return Value::from_int(line);
}
int32_t traceback_line(TracebackObject* traceback) {
  if (traceback->line > 0) return traceback->line;
  if (!is_kind(traceback->frame, Kind::Frame) || traceback->last_instruction < 0) return traceback->line;
  return code_line(frame_code(traceback->frame.get().as<FrameObject>()),
                   static_cast<uint32_t>(traceback->last_instruction) / 2);
}
static Result<Value> tb_dir(Thread& t, const Value*) {
  ListObject* list = make_list(t);
  for (const char* name : {"tb_frame", "tb_next", "tb_lasti", "tb_lineno"})
    TRY(list_append(t, list, Value(intern(t, name))));
  return list;
}
static void trace_tb(Object* o, Tracer& tracer) {
  tracer.visit(static_cast<TracebackObject*>(o)->next);
  tracer.visit(static_cast<TracebackObject*>(o)->frame);
}
static const NativeDef kTracebackMethods[] = {
    MP_NEW(tb_new, "__new__(cls, tb_next, tb_frame, tb_lasti, tb_lineno)", nullptr),
    MP_METHOD(tb_dir, "__dir__(self, /)", nullptr), MP_END};
static const GetSetDef kTracebackGetSets[] = {{"tb_next", get_next, set_next, nullptr},
                                              {"tb_frame", get_frame, nullptr, nullptr},
                                              {"tb_lasti", get_lasti, nullptr, nullptr},
                                              {"tb_lineno", get_line, nullptr, nullptr},
                                              {}};
extern const TypeSpec kTracebackSpec;
const TypeSpec kTracebackSpec = {.name = "traceback",
                                 .kind = Kind::Traceback,
                                 .size = sizeof(TracebackObject),
                                 .doc = "Create a new traceback object.",
                                 .trace = trace_tb,
                                 .methods = kTracebackMethods,
                                 .getsets = kTracebackGetSets};

}  // namespace mp
