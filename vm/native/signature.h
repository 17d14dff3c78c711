// NativeSignature: the parsed form of a NativeDef's text, and the binding of call arguments to it. It knows
// CPython's argument errors.
#pragma once
#include <string>
#include <vector>

#include "vm/native/native.h"

namespace mp {

enum class ParameterKind : uint8_t { PositionalOnly, PositionalOrKeyword, VarArgs, KeywordOnly, VarKeywords };

struct NativeParameter {
  StrObject* name = nullptr;
  Value default_value{};  // empty: `?`, or required
  bool required = true;
  ParameterKind kind = ParameterKind::PositionalOnly;
};

// Shared by all threads, made once per runtime and NativeDef. The receiver (self, cls) is parameter 0 where
// the kind has one.
struct NativeSignature {
  std::vector<NativeParameter> parameters;
  uint16_t total = 0;                // parameters, receiver included
  uint16_t positional = 0;           // parameters that take positional arguments, receiver included
  uint16_t positional_only = 0;      // receiver included
  uint16_t required_positional = 0;  // receiver included
  uint16_t receiver = 0;             // 1 if parameter 0 is self or cls
  int16_t varargs = -1;              // index of *args
  int16_t varkeywords = -1;
  // No *args or **kwargs, and what only a keyword can give has a default: a call without keywords and with
  // `required_positional` to `positional` arguments binds by copying.
  bool simple = false;
  bool takes(size_t count) const { return simple && count >= required_positional && count <= positional; }
  bool is_exactly(size_t count) const { return simple && count == positional && positional == total; }
  std::string name;            // "pop"
  std::string text_signature;  // "($self, index=-1, /)"
};

NativeSignature* native_signature(Thread& t, NativeFunctionObject* function);
NativeSignature* signature_of(Thread& t, const NativeDef& def);
// out[0] is the receiver already when the signature has one. `function` names the callee in messages.
Status bind_signature(Thread& t, NativeFunctionObject* function, const NativeSignature& signature,
                      const CallArgs& args, Value* out);

// What is found in a class namespace: a method_descriptor or classmethod_descriptor.
NativeFunctionObject* make_native_descriptor(Thread& t, const NativeDef& def, Type* owner);
// The bound form of a descriptor.
NativeFunctionObject* bind_native_function(Thread& t, NativeFunctionObject* descriptor, Value self);
std::string native_display_name(NativeFunctionObject* function);  // "list.append", "math.sqrt", "len"

}  // namespace mp
