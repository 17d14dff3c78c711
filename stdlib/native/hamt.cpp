#include "stdlib/native/hamt.h"

#include <bit>

#include "vm/gc/heap.h"

namespace mp {

namespace {

// An entry is a key with its value, or kEmpty with a child node.
struct Entry {
  Slot key, value;
};
struct Node : Object {
  uint64_t count;   // keys in this subtree
  uint32_t bitmap;  // which of the 32 places are taken; the entries follow in their order
  uint32_t size() const { return static_cast<uint32_t>(std::popcount(bitmap)); }
  Entry* entries() { return reinterpret_cast<Entry*>(this + 1); }
};
void trace_node(Object* o, Tracer& tracer) {
  auto* node = static_cast<Node*>(o);
  tracer.visit_slots(&node->entries()->key, 2 * node->size());
}
const TypeSpec kNodeSpec = {
    .name = "hamt_node", .size = sizeof(Node), .flags = kTypeDisallowNew, .trace = trace_node};

// The finalizer of MurmurHash3: every step can be undone.
uint64_t mix(Value key) {
  uint64_t h = key.bits();
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}
uint32_t place_bit(uint64_t hash, int level) { return 1U << ((hash >> (5 * level)) & 31); }
uint32_t index_of(const Node* node, uint32_t bit) {
  return static_cast<uint32_t>(std::popcount(node->bitmap & (bit - 1)));
}
Node* node_of(Value v) { return v.as<Node>(); }

Node* make_node(Thread& t, uint32_t bitmap, uint64_t count) {
  auto entries = static_cast<size_t>(std::popcount(bitmap));
  auto* node = t.heap().make<Node>(t, native_type(t, kNodeSpec), entries * sizeof(Entry));
  node->bitmap = bitmap;
  node->count = count;
  return node;
}
void copy_entries(Entry* to, Entry* from, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    to[i].key = from[i].key.get();
    to[i].value = from[i].value.get();
  }
}

Node* set_in(Thread& t, Node* node, int level, uint64_t hash, Value key, Value value);

// A node of two keys that share their places above `level`.
Node* make_pair(Thread& t, int level, Value key1, Value value1, Value key2, Value value2) {
  Node* node = make_node(t, place_bit(mix(key1), level), 1);
  node->entries()->key = key1;
  node->entries()->value = value1;
  return set_in(t, node, level, mix(key2), key2, value2);
}

Node* set_in(Thread& t, Node* node, int level, uint64_t hash, Value key, Value value) {
  uint32_t bit = place_bit(hash, level), at = index_of(node, bit);
  bool taken = (node->bitmap & bit) != 0;
  Node* copy = make_node(t, node->bitmap | bit, node->count);
  Entry *from = node->entries(), *to = copy->entries();
  copy_entries(to, from, at);
  copy_entries(to + at + 1, from + at + (taken ? 1 : 0), node->size() - at - (taken ? 1 : 0));
  Value old_key = taken ? from[at].key.get() : kEmpty;
  if (!taken || old_key == key) {
    to[at].key = key;
    to[at].value = value;
    copy->count += taken ? 0 : 1;
    return copy;
  }
  Node* child;
  if (old_key.is_empty()) {
    Node* old_child = node_of(from[at].value);
    child = set_in(t, old_child, level + 1, hash, key, value);
    copy->count += child->count - old_child->count;
  } else {
    child = make_pair(t, level + 1, old_key, from[at].value, key, value);
    copy->count += 1;
  }
  to[at].value = Value(child);
  return copy;
}

// The node without the key, which is in it; null when nothing is left.
Node* delete_in(Thread& t, Node* node, int level, uint64_t hash, Value key) {
  uint32_t bit = place_bit(hash, level), at = index_of(node, bit);
  Entry* from = node->entries();
  if (from[at].key.get().is_empty()) {
    Node* child = delete_in(t, node_of(from[at].value), level + 1, hash, key);
    Node* copy = make_node(t, node->bitmap, node->count - 1);
    copy_entries(copy->entries(), from, node->size());
    // A child with one key left is that key: so a node but the root holds two keys at least.
    if (child->count == 1)
      copy_entries(copy->entries() + at, child->entries(), 1);
    else
      copy->entries()[at].value = Value(child);
    return copy;
  }
  if (node->count == 1) return nullptr;
  Node* copy = make_node(t, node->bitmap & ~bit, node->count - 1);
  copy_entries(copy->entries(), from, at);
  copy_entries(copy->entries() + at, from + at + 1, node->size() - at - 1);
  return copy;
}

}  // namespace

Value hamt_find(Value map, Value key) {
  uint64_t hash = mix(key);
  for (int level = 0; !map.is_empty(); ++level) {
    Node* node = node_of(map);
    if (node->entries()->key == key) return node->entries()->value;  // often the only one
    uint32_t bit = place_bit(hash, level);
    if ((node->bitmap & bit) == 0) break;
    Entry& entry = node->entries()[index_of(node, bit)];
    Value found = entry.key;
    if (found == key) return entry.value;
    if (!found.is_empty()) break;
    map = entry.value;
  }
  return kNotFound;
}

Value hamt_set(Thread& t, Value map, Value key, Value value) {
  if (!map.is_empty()) return set_in(t, node_of(map), 0, mix(key), key, value);
  Node* node = make_node(t, place_bit(mix(key), 0), 1);
  node->entries()->key = key;
  node->entries()->value = value;
  return node;
}

Value hamt_delete(Thread& t, Value map, Value key) {
  if (hamt_find(map, key).is_not_found()) return map;
  Node* node = delete_in(t, node_of(map), 0, mix(key), key);
  return node == nullptr ? kEmpty : Value(node);
}

size_t hamt_size(Value map) { return map.is_empty() ? 0 : node_of(map)->count; }

void HamtCursor::start(Value map) {
  level = map.is_empty() ? -1 : 0;
  nodes[0] = map;
  positions[0] = 0;
}

bool HamtCursor::next(Value* key, Value* value) {
  while (level >= 0) {
    Node* node = node_of(nodes[level]);
    if (positions[level] == node->size()) {
      nodes[level--] = kEmpty;
      continue;
    }
    Entry& entry = node->entries()[positions[level]++];
    if (!entry.key.get().is_empty()) {
      *key = entry.key;
      *value = entry.value;
      return true;
    }
    nodes[++level] = entry.value.get();
    positions[level] = 0;
  }
  return false;
}

}  // namespace mp
