// How C++ functions, types and modules are registered: a signature as text beside the function, parsed by our
// own parser.
//   static Result<Value> list_pop(Thread& t, const Value* args) { auto* self = args[0].as<ListObject>(); ...
//   args[1] ... } const NativeDef kListMethods[] = {MP_METHOD(list_pop, "pop(self, index=-1, /)", "Remove and
//   return item at index."), MP_END};
// Signature text: Python's syntax; defaults are literals (ints, floats, strings, None, True, False, (),
// negative numbers) or `?` = absent arrives empty. For MP_METHOD the first parameter is the receiver and has
// been checked to be an instance of the owning type.
#pragma once
#include <span>

#include "vm/types/type.h"

namespace mp {

#define MP_FUNCTION(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::Function, doc }
#define MP_METHOD(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::Method, doc }
#define MP_CLASS_METHOD(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::ClassMethod, doc }
#define MP_STATIC_METHOD(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::StaticMethod, doc }
// "__new__(cls, iterable=(), /)": args[0] is the class to instantiate (checked to be a subtype of the owner).
#define MP_NEW(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::New, doc }
// The raw convention: the function gets (t, self_or_empty, const CallArgs&) unbound. The signature is
// documentation only.
#define MP_RAW_FUNCTION(function, signature, doc) \
  ::mp::NativeDef { signature, nullptr, function, ::mp::NativeKind::Function, doc }
#define MP_RAW_METHOD(function, signature, doc) \
  ::mp::NativeDef { signature, nullptr, function, ::mp::NativeKind::Method, doc }
#define MP_RAW_NEW(function, signature, doc) \
  ::mp::NativeDef { signature, nullptr, function, ::mp::NativeKind::New, doc }  // self = the class
// The same without a switch site after the call: see NativeDef::switches.
#define MP_QUIET_FUNCTION(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::Function, doc, false }
#define MP_QUIET_METHOD(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::Method, doc, false }
// What uses an iterator up or asks it once: see NativeDef::lets_go.
#define MP_CONSUMER(function, signature, doc) \
  ::mp::NativeDef { signature, function, nullptr, ::mp::NativeKind::Function, doc, true, true }
#define MP_END \
  ::mp::NativeDef {}

// A native module: static data, found through the runtime's module table (stdlib/modules.def:
// MP_NATIVE_MODULE(name, spec)).
struct ModuleSpec {
  const char* name;
  const char* doc = nullptr;
  const NativeDef* functions = nullptr;
  Status (*init)(Thread& t, ModuleObject* module) = nullptr;  // constants, types, state
};

NativeFunctionObject* make_native_function(Thread& t, const NativeDef& def, Value self, Value owner_name);
// Binds and calls. The interpreter's fast path calls def->call directly when only positional arguments match
// the parameters.
Result<Value> call_native(Thread& t, NativeFunctionObject* function, const CallArgs& args);
// Binds `args` against a def's signature into `out` (parameter count of the signature). For slots that take
// CallArgs.
Status bind_native(Thread& t, NativeFunctionObject* function, Value self_or_empty, const CallArgs& args,
                   Value* out);

// Helpers for module init functions.
Status module_add(Thread& t, ModuleObject* module, const char* name, Value value);
Status module_add_int(Thread& t, ModuleObject* module, const char* name, int64_t value);
struct IntConstant {
  const char* name;
  int64_t value;
};
Status module_add_ints(Thread& t, ModuleObject* module, std::span<const IntConstant> constants);
Status module_add_text(Thread& t, ModuleObject* module, const char* name, std::string_view text);
// The Type of a native module's own spec, made once per runtime (kept in the runtime's table), and put into
// the module under its short name.
Type* module_add_type(Thread& t, ModuleObject* module, const TypeSpec& spec);
Type* native_type(Thread& t, const TypeSpec& spec);  // the same, without a module
// Struct sequences (os.stat_result, time.struct_time, sys.version_info): tuple subclass with named fields.
struct StructSequenceSpec {
  const char* name;           // "time.struct_time"
  const char* const* fields;  // nullptr-terminated
  size_t visible;             // fields beyond this number are attributes only
  const char* doc = nullptr;
};
Type* struct_sequence_type(Thread& t, const StructSequenceSpec& spec);
Value make_struct_sequence(Thread& t, Type* type, const Value* values, size_t count);

}  // namespace mp
