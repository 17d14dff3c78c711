// The method table of str, and what the files that implement it share. Not for other parts.
#pragma once
#include "vm/native/native.h"
#include "vm/types/str_internal.h"

namespace mp {

extern const NativeDef kStrMethods[];

Result<Value> str_new(Thread& t, Value cls, const CallArgs& args);

// str_split.cpp
Result<Value> str_method_split(Thread& t, const Value* args);
Result<Value> str_method_rsplit(Thread& t, const Value* args);
Result<Value> str_method_splitlines(Thread& t, const Value* args);
Result<Value> str_method_partition(Thread& t, const Value* args);
Result<Value> str_method_rpartition(Thread& t, const Value* args);
Result<Value> str_method_replace(Thread& t, const Value* args);
Result<Value> str_method_strip(Thread& t, const Value* args);
Result<Value> str_method_lstrip(Thread& t, const Value* args);
Result<Value> str_method_rstrip(Thread& t, const Value* args);
Result<Value> str_method_join(Thread& t, const Value* args);
Result<Value> str_method_removeprefix(Thread& t, const Value* args);
Result<Value> str_method_removesuffix(Thread& t, const Value* args);

// str_case.cpp
Result<Value> str_method_lower(Thread& t, const Value* args);
Result<Value> str_method_upper(Thread& t, const Value* args);
Result<Value> str_method_title(Thread& t, const Value* args);
Result<Value> str_method_capitalize(Thread& t, const Value* args);
Result<Value> str_method_swapcase(Thread& t, const Value* args);
Result<Value> str_method_casefold(Thread& t, const Value* args);
Result<Value> str_method_isalpha(Thread& t, const Value* args);
Result<Value> str_method_isalnum(Thread& t, const Value* args);
Result<Value> str_method_isascii(Thread& t, const Value* args);
Result<Value> str_method_isdecimal(Thread& t, const Value* args);
Result<Value> str_method_isdigit(Thread& t, const Value* args);
Result<Value> str_method_isnumeric(Thread& t, const Value* args);
Result<Value> str_method_isspace(Thread& t, const Value* args);
Result<Value> str_method_isprintable(Thread& t, const Value* args);
Result<Value> str_method_isidentifier(Thread& t, const Value* args);
Result<Value> str_method_islower(Thread& t, const Value* args);
Result<Value> str_method_isupper(Thread& t, const Value* args);
Result<Value> str_method_istitle(Thread& t, const Value* args);

// str_translate.cpp
Result<Value> str_method_translate(Thread& t, const Value* args);
Result<Value> str_method_maketrans(Thread& t, const Value* args);
Result<Value> str_method_expandtabs(Thread& t, const Value* args);

// The count of `sequence * count`, as CPython's sequences take it.
Result<int64_t> repeat_count(Thread& t, Value count);

}  // namespace mp
