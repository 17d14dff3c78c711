// BuiltinTypes: the Type objects that C++ code names, one set per runtime; and the type of any Value.
#pragma once
#include "vm/threads/thread.h"

namespace mp {

struct BuiltinTypes {
#define MP_TYPE(member, spec) Type* member = nullptr;
#include "vm/types/types.def"
#undef MP_TYPE
  Type* exceptions[static_cast<size_t>(Exc::kCount)] = {};
  Type* exception(Exc kind) const { return exceptions[static_cast<size_t>(kind)]; }
};

inline Type* type_of(BuiltinTypes& types, Value v) {
  if (v.is_object()) return v.as_object()->type();
  if (v.is_int()) return types.int_;
  if (v.is_float_inline()) return types.float_;
  switch (v.bits()) {
    case Value::kNoneBits: return types.none;
    case Value::kTrueBits:
    case Value::kFalseBits: return types.bool_;
    case Value::kEllipsisBits: return types.ellipsis;
    default: return types.not_implemented;
  }
}
inline Type* type_of(Thread& t, Value v) { return type_of(t.types(), v); }

// `issubclass` on the MRO alone (no __subclasscheck__). vm/types/type.cpp
bool is_subtype(const Type* type, const Type* base);
inline bool is_instance(Thread& t, Value v, const Type* type) {
  const Type* own = type_of(t, v);
  return own == type || is_subtype(own, type);
}

// Fast layout checks. `_exact` excludes subclasses.
inline bool is_str(Value v) { return is_kind(v, Kind::Str); }
inline bool is_bytes(Value v) { return is_kind(v, Kind::Bytes); }
inline bool is_tuple(Value v) { return is_kind(v, Kind::Tuple); }
inline bool is_list(Value v) { return is_kind(v, Kind::List); }
inline bool is_dict(Value v) { return is_kind(v, Kind::Dict); }
inline bool is_type(Value v) { return is_kind(v, Kind::Type); }
inline bool is_exception(Value v) { return is_kind(v, Kind::Exception); }
inline bool is_any_int(Value v) {
  return v.is_int() || v.is_bool() || is_kind(v, Kind::Int);
}  // int, bool and subclasses
inline bool is_float(Value v) { return v.is_float_inline() || is_kind(v, Kind::Float); }
inline bool is_exact(Value v, const Type* type) { return v.is_object() && v.as_object()->type() == type; }

}  // namespace mp
