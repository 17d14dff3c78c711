// The objects of _sre that more than one of its files knows.
#pragma once
#include "stdlib/native/sre_engine.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"

namespace mp::sre {

class SrePcre;
extern const TypeSpec kPatternSpec, kMatchSpec;

struct PatternObject : Object {
  Slot pattern;      // str, bytes or None
  Slot group_index;  // dict name -> number
  Slot index_group;  // tuple number -> name
  uint32_t* code;    // raw cell
  size_t code_size;
  size_t groups;
  int64_t flags;
  SrePcre* pcre;  // owned; refers to `code`
};
struct MatchObject : Object {
  Slot string, pattern;
  int64_t position, end_position;
  int64_t start, end;
  int32_t last_index;
  int64_t* marks;  // raw cell: two per group
  size_t groups;
};

// Of a match in `string`; `position` and `end_position` are what was searched.
Value make_match(Thread& t, PatternObject* pattern, Value string, int64_t position, int64_t end_position,
                 const Outcome& outcome);
// string[begin:end] of a str or bytes-like object; None when its buffer is gone.
Value slice(Thread& t, Value string, int64_t begin, int64_t end);
// __copy__ and __deepcopy__ of what cannot change.
inline Result<Value> return_self(Thread&, const Value* args) { return args[0]; }

}  // namespace mp::sre
