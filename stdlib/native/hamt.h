// A persistent map: a hash array mapped trie (Bagwell, "Ideal Hash Trees", 2001) whose keys are objects
// compared by identity. Nodes never change, so a copy is the root and threads read without a lock; setting
// and deleting make new nodes along one path. It runs no script code.
#pragma once
#include "vm/native/native.h"

namespace mp {

// A map is the Value of its root node; kEmpty is the map without entries.
Value hamt_find(Value map, Value key);  // or kNotFound
Value hamt_set(Thread& t, Value map, Value key, Value value);
Value hamt_delete(Thread& t, Value map, Value key);  // the key need not be there
size_t hamt_size(Value map);

// The address of a key is mixed to 64 bits by a bijection: two keys part at the 13th level at the latest.
inline constexpr int kHamtDepth = 13;

// A walk over the entries, in the order of the mixed addresses. Lies in an object that traces `nodes`.
struct HamtCursor {
  Slot nodes[kHamtDepth];
  uint8_t positions[kHamtDepth] = {};
  int8_t level = -1;

  void start(Value map);
  bool next(Value* key, Value* value);
};

}  // namespace mp
