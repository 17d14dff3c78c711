// Weak references and proxies: what weakref.cpp, weak_proxy.cpp and the _weakref module share.
#pragma once
#include "vm/types/function.h"
#include "vm/types/type.h"

namespace mp {

// `type` is weakref.ref, a subclass, or a proxy type; callback may be None or empty.
Result<Value> make_weakref_of_type(Thread& t, Type* type, Value target, Value callback);
bool is_weakly_referencable(Thread& t, Value target);
std::string weakref_type_text(Thread& t, Value target);
std::string weakref_name_suffix(Thread& t, Value target);
void trace_weakref(Object* self, Tracer& tracer);

}  // namespace mp
