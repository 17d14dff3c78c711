// The cells of inline caches (CacheEntry): making them, and dropping those whose class or value is dead. A
// code object keeps its entries alive but not what they name, or a class would live as long as the code that
// used it.
#include <mutex>
#include <unordered_set>
#include <vector>

#include "vm/exec/ops.h"

namespace mp::ops {

namespace {

// The code objects that have entries. The list is weak: prune() drops the dead.
struct CachingCode {
  Heap* heap = nullptr;
  std::mutex mutex;
  std::vector<CodeObject*> codes;
};
const char kTag = 0;

bool is_dead(const Heap& heap, const CacheEntry* entry) {
  for (const CacheEntry* e = entry; e != nullptr; e = e->other) {
    if (e->type != nullptr && !heap.is_live(e->type)) return true;
    Value value = e->value;
    if (value.is_object() && !heap.is_live(value.as_object())) return true;
  }
  return false;
}

// SAFETY: the world is stopped, and no thread stops between reading an opcode and reading its cache word.
void drop_dead_entries(const Heap& heap, CodeObject* code) {
  std::unordered_set<uint64_t> dead;
  CacheEntry* kept = nullptr;
  for (CacheEntry *e = code->cache_entries.load(std::memory_order_relaxed), *next; e != nullptr; e = next) {
    next = e->next;
    if (is_dead(heap, e)) dead.insert(reinterpret_cast<uint64_t>(e));
  }
  if (dead.empty()) return;
  for (CacheEntry *e = code->cache_entries.load(std::memory_order_relaxed), *next; e != nullptr; e = next) {
    next = e->next;
    if (dead.count(reinterpret_cast<uint64_t>(e)) != 0) continue;
    e->next = kept;
    kept = e;
  }
  code->cache_entries.store(kept, std::memory_order_relaxed);
  for (uint32_t at = 0; at < code->word_count;) {
    const Instruction* pc = code->instructions + at;
    const lang::OpInfo& info = lang::op_info(opcode(pc));
    at += static_cast<uint32_t>(info.length());
    if (info.cache_words == 0 || info.base == opcode(pc)) continue;
    std::atomic<uint64_t>* word = cache_word(pc, info.length() - 1);
    if (dead.count(word->load(std::memory_order_relaxed)) == 0) continue;
    rewrite(pc, info.base);
    word->store(0, std::memory_order_relaxed);
  }
}

void prune(void* context, Tracer&) {
  auto* caching = static_cast<CachingCode*>(context);
  size_t kept = 0;
  for (CodeObject* code : caching->codes) {
    if (!caching->heap->is_live(code)) continue;
    drop_dead_entries(*caching->heap, code);
    if (code->cache_entries.load(std::memory_order_relaxed) != nullptr) caching->codes[kept++] = code;
  }
  caching->codes.resize(kept);
}

}  // namespace

CacheEntry* new_entry(Thread& t, CodeObject* code) {
  auto* entry = static_cast<CacheEntry*>(t.heap().allocate_raw(t, sizeof(CacheEntry)));
  if (entry == nullptr) return nullptr;
  CacheEntry* head = code->cache_entries.load(std::memory_order_relaxed);
  do {
    entry->next = head;
  } while (!code->cache_entries.compare_exchange_weak(head, entry, std::memory_order_release));
  if (head != nullptr) return entry;
  auto& caching = t.runtime().state<CachingCode>(&kTag);
  std::lock_guard<std::mutex> guard(caching.mutex);
  if (caching.heap == nullptr) {
    caching.heap = &t.heap();
    t.heap().add_weak_table(prune, &caching);
  }
  caching.codes.push_back(code);
  return entry;
}

}  // namespace mp::ops
