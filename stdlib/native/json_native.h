// What the two files of _json share.
#pragma once
#include "vm/native/native.h"
#include "vm/types/str.h"

namespace mp {

extern const TypeSpec kJsonEncoderSpec;
void json_append_string(StrBuilder& out, const StrObject* text, bool ascii_only);
Result<Value> json_encode_basestring_ascii(Thread& t, const Value* args);
Result<Value> json_encode_basestring(Thread& t, const Value* args);

}  // namespace mp
