// functools._lru_cache_wrapper: the cache is an insertion-ordered dict; a hit moves its entry to the end,
// eviction takes the first live one.
#include "vm/native/native.h"
#include "vm/types/dict_table.h"
#include "vm/types/type.h"

namespace mp {

namespace {
struct LruCache : Object {
  Slot function;
  Slot cache;      // dict
  Slot info_type;  // functools._CacheInfo
  Slot keyword_mark;
  int64_t maxsize = -1;  // negative: unbounded
  bool typed = false;
  std::atomic<int64_t> hits{0}, misses{0};
  DictObject* dict() const { return cache.get().as<DictObject>(); }
};
void trace_cache(Object* self, Tracer& tracer) {
  auto* c = static_cast<LruCache*>(self);
  tracer.visit(c->function);
  tracer.visit(c->cache);
  tracer.visit(c->info_type);
  tracer.visit(c->keyword_mark);
}

void count(std::atomic<int64_t>& counter, bool shared) {
  if (shared)
    counter.fetch_add(1, std::memory_order_relaxed);
  else
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

Value make_key(Thread& t, LruCache* c, const CallArgs& args) {
  size_t keywords = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  if (!c->typed && keywords == 0 && args.count == 1) {
    Value only = args.values[0];
    if (only.is_int() || is_exact(only, t.types().str) || is_exact(only, t.types().int_)) return only;
  }
  size_t size = args.count + (keywords != 0 ? 1 + 2 * keywords : 0) + (c->typed ? args.count + keywords : 0);
  TupleObject* key = allocate_tuple(t, size);
  size_t n = 0;
  for (size_t i = 0; i < args.count; ++i) key->items()[n++] = args.values[i];
  if (keywords != 0) {
    key->items()[n++] = c->keyword_mark.get();
    for (size_t i = 0; i < keywords; ++i) {
      key->items()[n++] = (*args.keyword_names.as<TupleObject>())[i];
      key->items()[n++] = args.values[args.count + i];
    }
  }
  if (c->typed)
    for (size_t i = 0; i < args.count + keywords; ++i) key->items()[n++] = Value(type_of(t, args.values[i]));
  return key;
}

Result<Value> call_unbounded(Thread& t, LruCache* c, const CallArgs& args) {
  Value key = make_key(t, c, args);
  int64_t hash = TRY(hash_key(t, key));
  Value value = TRY(dict_get_hashed(t, c->dict(), key, hash));
  if (!value.is_not_found()) {
    count(c->hits, free_threaded(t));
    return value;
  }
  count(c->misses, free_threaded(t));
  value = TRY(call(t, c->function, args));
  TRY(dict_set_hashed(t, c->dict(), key, hash, value));
  return value;
}

Result<Value> call_bounded(Thread& t, LruCache* c, const CallArgs& args) {
  Value key = make_key(t, c, args);
  int64_t hash = TRY(hash_key(t, key));
  DictObject* dict = c->dict();
  Value value = kNotFound;
  TRY(dict_change(t, dict, key, hash, [&](DictTable* table, DictFound found) -> Status {
    if (found.entry < 0) return {};
    DictEntry& e = table->entries()[found.entry];
    value = e.value.get();
    if (static_cast<uint32_t>(found.entry) + 1 == table->used.load(std::memory_order_relaxed)) return {};
    Value own = e.key.get();
    dict_erase_entry(dict, table, found.entry);
    return dict_insert_new(t, dict, table, dict_free_cell(table, hash), own, hash, value);
  }));
  if (!value.is_not_found()) {
    count(c->hits, free_threaded(t));
    return value;
  }
  count(c->misses, free_threaded(t));
  value = TRY(call(t, c->function, args));
  TRY(dict_change(t, dict, key, hash, [&](DictTable* table, DictFound found) -> Status {
    // The call itself, or another thread, has put it there meanwhile: the first one stays.
    if (found.entry >= 0) return {};
    if (static_cast<int64_t>(dict->length()) >= c->maxsize) {
      uint32_t i = table->first_live.load(std::memory_order_relaxed);
      DictEntry* entries = table->entries();
      while (entries[i].key.get().is_empty()) ++i;
      dict_erase_entry(dict, table, i);
      table->first_live.store(i + 1, std::memory_order_relaxed);
    }
    return dict_insert_new(t, dict, table, found.cell, key, hash, value);
  }));
  return value;
}
}  // namespace

static Result<Value> cache_call(Thread& t, Value self, const CallArgs& args) {
  auto* c = self.as<LruCache>();
  if (c->maxsize < 0) return call_unbounded(t, c, args);
  if (c->maxsize > 0) return call_bounded(t, c, args);
  count(c->misses, free_threaded(t));
  return call(t, c->function, args);
}

static Result<Value> cache_new(Thread& t, const Value* args) {
  if (!is_callable(t, args[1])) return t.raise(Exc::TypeError, "the first argument must be callable");
  int64_t maxsize = -1;
  if (!args[2].is_none()) {
    if (!is_any_int(args[2]) && type_of(t, args[2])->slots.index == nullptr)
      return t.raise(Exc::TypeError, "maxsize should be integer or None");
    maxsize = TRY(to_ssize(t, args[2]));
    if (maxsize < 0) maxsize = 0;
  }
  bool typed = TRY(truth(t, args[3]));
  auto* c = t.heap().make<LruCache>(t, args[0].as<Type>());
  c->function = args[1];
  c->cache = Value(make_dict(t));
  c->info_type = args[4];
  c->keyword_mark = TRY(call(t, Value(t.types().object)));
  c->maxsize = maxsize;
  c->typed = typed;
  return c;
}
static Result<Value> cache_info(Thread& t, const Value* args) {
  auto* c = args[0].as<LruCache>();
  return call(t, c->info_type,
              {make_int(t, c->hits.load()), make_int(t, c->misses.load()),
               c->maxsize < 0 ? kNone : Value::from_int(c->maxsize),
               Value::from_int(static_cast<int64_t>(c->dict()->length()))});
}
static Result<Value> cache_clear(Thread& t, const Value* args) {
  auto* c = args[0].as<LruCache>();
  c->hits.store(0);
  c->misses.store(0);
  dict_clear(t, c->dict());
  return kNone;
}
static Result<Value> cache_reduce(Thread& t, const Value* args) {
  return get_attr(t, args[0], t.names().__qualname__);
}
static Result<Value> cache_copy(Thread&, const Value* args) { return args[0]; }
static Result<Value> cache_descr_get(Thread& t, Value self, Value instance, Value) {
  if (instance.is_empty() || instance.is_none()) return self;
  return make_bound_method(t, self, instance);
}

static const NativeDef kLruCacheMethods[] = {
    MP_NEW(cache_new, "__new__(cls, user_function, maxsize, typed, cache_info_type)", nullptr),
    MP_METHOD(cache_info, "cache_info(self, /)", "Report cache statistics"),
    MP_METHOD(cache_clear, "cache_clear(self, /)", "Clear the cache and cache statistics"),
    MP_METHOD(cache_reduce, "__reduce__(self, /)", nullptr),
    MP_METHOD(cache_copy, "__copy__(self, /)", nullptr),
    MP_METHOD(cache_copy, "__deepcopy__(self, memo, /)", nullptr),
    MP_END};
extern const TypeSpec kLruCacheSpec;
const TypeSpec kLruCacheSpec = {.name = "functools._lru_cache_wrapper",
                                .size = sizeof(LruCache),
                                .flags = kTypeBaseType | kTypeHasDict | kTypeHasWeakref,
                                .doc =
                                    "Create a cached callable that wraps another function.\n\nuser_function: "
                                    "     the function being cached\n\nmaxsize:  0  "
                                    "       for no caching\n          None      for unlimited cache size\n   "
                                    "       n         for a bounded cache\n\ntyped:   "
                                    " False     cache f(3) and f(3.0) as identical calls\n          True     "
                                    " cache f(3) and f(3.0) as distinct "
                                    "calls\n\ncache_info_type:    namedtuple class with the fields:\n        "
                                    "                hits misses currsize maxsize\n",
                                .trace = trace_cache,
                                .slots = MP_SLOTS(.call = cache_call, .descr_get = cache_descr_get),
                                .methods = kLruCacheMethods,
                                .getsets = kInstanceDictGetSets};

}  // namespace mp
