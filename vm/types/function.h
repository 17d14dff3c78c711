// Functions, methods and descriptors: layouts. Calling is vm/protocol/call.h.
#pragma once
#include "vm/types/containers.h"

namespace mp {

struct CodeObject;       // vm/exec/code.h
struct NativeSignature;  // vm/native/signature.h

// A function written in script. The interpreter reads it directly.
struct FunctionObject : Object {
  CodeObject* code = nullptr;
  std::atomic<CodeObject*> code_cell{
      nullptr};  // what __code__ assignment stores; `code` is re-read at each call
  DictObject* globals = nullptr;
  DictObject* builtins = nullptr;
  Slot name, qualified_name, module, doc;
  Slot defaults;          // tuple or empty
  Slot keyword_defaults;  // dict or empty
  Slot closure;           // tuple of cells or empty
  Slot annotations;       // dict, tuple of pairs to be made a dict, or empty
  Slot type_params;
  // has an attribute area (f.attr = 1): see Type::attrs_offset
};

// Bound arguments of a native: one Value per parameter in declaration order; *args arrives as a tuple,
// **kwargs as a dict, an absent optional parameter without default (written `x=?`) as empty.
using NativeCall = Result<Value> (*)(Thread& t, const Value* args);
// The raw convention, for natives that bind by themselves (hot, or with overloaded signatures such as range,
// type, dict.update).
using NativeRawCall = Result<Value> (*)(Thread& t, Value self_or_empty, const CallArgs& args);

enum class NativeKind : uint8_t { Function, Method, ClassMethod, StaticMethod, New };

// Static description of a native, written with the MP_* macros of vm/native/native.h.
struct NativeDef {
  const char* signature;  // "pop(self, index=-1, /)"
  NativeCall call;
  NativeRawCall raw_call;
  NativeKind kind;
  const char* doc;
  // False: a thread does not lose the GIL after a call. CPython 3.13's calls of len, isinstance, one-argument
  // type and list.append are instructions of their own, without a switch site.
  bool switches = true;
  // Nobody can get at its argument through it once it has returned: see vm/exec/loop_generators.cpp.
  bool lets_go = false;
};

// builtin_function_or_method when bound or a module function; method_descriptor when found on a class.
struct NativeFunctionObject : Object {
  const NativeDef* def = nullptr;
  std::atomic<NativeSignature*> signature{nullptr};  // parsed on first use; owned by the runtime's arena
  Slot self;   // bound receiver (or module), empty for method descriptors
  Slot name;   // str
  Slot owner;  // the type that defines a method, or the module's name
  Type* owner_type = nullptr;
};

struct BoundMethodObject : Object {
  Slot function;
  Slot self;
};
BoundMethodObject* make_bound_method(Thread& t, Value function, Value self);

struct PropertyObject : Object {
  Slot getter, setter, deleter, doc, name;
};
struct StaticMethodObject : Object {
  Slot callable;  // has an attribute area
};
struct ClassMethodObject : Object {
  Slot callable;
};
// A __slots__ field or a native struct member: a Slot at a byte offset of the instance.
struct MemberDescriptorObject : Object {
  Type* owner = nullptr;
  Slot name;
  uint32_t offset = 0;
  bool read_only = false;
  const char* doc = nullptr;
};
using Getter = Result<Value> (*)(Thread& t, Value self);
using Setter = Status (*)(Thread& t, Value self, Value value_or_empty);  // empty: delete
struct GetSetDef {
  const char* name;
  Getter get;
  Setter set;  // nullptr: read-only
  const char* doc;
};
struct GetSetDescriptorObject : Object {
  Type* owner = nullptr;
  Slot name;
  const GetSetDef* def = nullptr;
};
struct ModuleObject : Object {
  DictObject* dict = nullptr;
  const void* spec = nullptr;  // ModuleSpec of a native module
  void* state = nullptr;       // native module's own state (raw cell)
};
ModuleObject* make_module(Thread& t, Value name, Value doc = kNone);

struct SuperObject : Object {
  Slot type, object, object_type;
};
struct WeakRefObject : Object {
  std::atomic<uint64_t> target{0};  // Value bits, not traced; 0 when dead
  Slot callback;
  std::atomic<int64_t> hash{-1};
  Slot proxy_flag;
};
Value weakref_target(WeakRefObject* ref);  // kNone when dead
Result<Value> make_weakref(Thread& t, Value target, Value callback_or_empty);

struct MappingProxyObject : Object {
  Slot mapping;
};
Value make_mapping_proxy(Thread& t, Value mapping);
Value make_simple_namespace(Thread& t, DictObject* attributes);
Result<Value> make_generic_alias(Thread& t, Value origin, Value args);
Result<Value> make_union(Thread& t, Value left, Value right);

}  // namespace mp
