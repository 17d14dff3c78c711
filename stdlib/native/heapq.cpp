// _heapq: a binary heap in a list. Comparisons may run script code, so the list is looked at afresh after
// each of them.
#include "stdlib/native/heapq.h"

#include "vm/native/native.h"
#include "vm/types/list_support.h"

namespace mp {

namespace {
// a belongs above b.
template <bool max>
Result<bool> before(Thread& t, Value a, Value b) {
  return max ? less_than(t, b, a) : less_than(t, a, b);
}
Status changed(Thread& t) { return t.raise(Exc::RuntimeError, "list changed size during iteration"); }

// Item i; an error when the list has shrunk meanwhile.
Result<Value> item_at(Thread& t, ListObject* heap, size_t i) {
  Value item = heap->at(i);
  if (item.is_empty()) [[unlikely]] {
    TRY(changed(t));
  }
  return item;
}
Status swap_items(Thread& t, ListObject* heap, size_t i, size_t j) {
  ObjectLock lock(t, heap);
  size_t size = heap->length();
  if (i >= size || j >= size) [[unlikely]]
    return changed(t);
  Slot* items = heap->array.load(std::memory_order_relaxed)->items();
  Value a = items[i].get();
  items[i] = items[j].get();
  items[j] = a;
  return {};
}

template <bool max>
Status sift_down(Thread& t, ListObject* heap, size_t start, size_t position) {
  size_t size = heap->length();
  if (position >= size) return t.raise(Exc::IndexError, "index out of range");
  Value item = TRY(item_at(t, heap, position));
  while (position > start) {
    size_t parent_position = (position - 1) >> 1;
    Value parent = TRY(item_at(t, heap, parent_position));
    bool rise = TRY(before<max>(t, item, parent));
    if (heap->length() != size) return changed(t);
    if (!rise) break;
    TRY(swap_items(t, heap, parent_position, position));
    position = parent_position;
  }
  return {};
}

template <bool max>
Status sift_up(Thread& t, ListObject* heap, size_t position) {
  size_t size = heap->length(), start = position, limit = size >> 1;
  if (position >= size) return t.raise(Exc::IndexError, "index out of range");
  while (position < limit) {
    size_t child = 2 * position + 1;
    if (child + 1 < size) {
      Value a = TRY(item_at(t, heap, child));
      Value b = TRY(item_at(t, heap, child + 1));
      bool first = TRY(before<max>(t, a, b));
      if (!first) ++child;
      if (heap->length() != size) return changed(t);
    }
    TRY(swap_items(t, heap, child, position));
    position = child;
  }
  return sift_down<max>(t, heap, start, position);
}

Result<ListObject*> heap_argument(Thread& t, Value v, const char* who, bool only = false) {
  if (!is_list(v))
    return t.raise(Exc::TypeError, "{}() argument{} must be list, not {}", who, only ? "" : " 1",
                   type_name(t, v));
  return v.as<ListObject>();
}

template <bool max>
Result<Value> pop(Thread& t, Value v, const char* who) {
  ListObject* heap = TRY(heap_argument(t, v, who, true));
  if (heap->length() == 0) return t.raise(Exc::IndexError, "index out of range");
  Value last = TRY(list_pop(t, heap, -1));
  if (heap->length() == 0) return last;
  Value top = TRY(item_at(t, heap, 0));
  TRY(list_set(t, heap, 0, last));
  TRY(sift_up<max>(t, heap, 0));
  return top;
}

template <bool max>
Result<Value> replace(Thread& t, Value v, Value item, const char* who) {
  ListObject* heap = TRY(heap_argument(t, v, who));
  if (heap->length() == 0) return t.raise(Exc::IndexError, "index out of range");
  Value top = TRY(item_at(t, heap, 0));
  TRY(list_set(t, heap, 0, item));
  TRY(sift_up<max>(t, heap, 0));
  return top;
}

template <bool max>
Result<Value> make_heap(Thread& t, Value v, const char* who) {
  ListObject* heap = TRY(heap_argument(t, v, who, true));
  for (size_t i = heap->length() / 2; i-- > 0;) TRY(sift_up<max>(t, heap, i));
  return kNone;
}
}  // namespace

Status heap_push(Thread& t, ListObject* heap, Value item) {
  TRY(list_append(t, heap, item));
  return sift_down<false>(t, heap, 0, heap->length() - 1);
}
Result<Value> heap_pop(Thread& t, ListObject* heap) { return pop<false>(t, heap, "heappop"); }

static Result<Value> heappush(Thread& t, const Value* args) {
  TRY(heap_push(t, TRY(heap_argument(t, args[0], "heappush")), args[1]));
  return kNone;
}
static Result<Value> heappushpop(Thread& t, const Value* args) {
  ListObject* heap = TRY(heap_argument(t, args[0], "heappushpop"));
  if (heap->length() == 0) return args[1];
  Value top = TRY(item_at(t, heap, 0));
  bool smaller = TRY(less_than(t, top, args[1]));
  if (!smaller) return args[1];
  if (heap->length() == 0) return t.raise(Exc::IndexError, "index out of range");
  top = TRY(item_at(t, heap, 0));
  TRY(list_set(t, heap, 0, args[1]));
  TRY(sift_up<false>(t, heap, 0));
  return top;
}
static Result<Value> heappop(Thread& t, const Value* args) { return pop<false>(t, args[0], "heappop"); }
static Result<Value> heapreplace(Thread& t, const Value* args) {
  return replace<false>(t, args[0], args[1], "heapreplace");
}
static Result<Value> heapify(Thread& t, const Value* args) { return make_heap<false>(t, args[0], "heapify"); }
static Result<Value> heappop_max(Thread& t, const Value* args) {
  return pop<true>(t, args[0], "_heappop_max");
}
static Result<Value> heapreplace_max(Thread& t, const Value* args) {
  return replace<true>(t, args[0], args[1], "_heapreplace_max");
}
static Result<Value> heapify_max(Thread& t, const Value* args) {
  return make_heap<true>(t, args[0], "_heapify_max");
}

static Status init_heapq(Thread& t, ModuleObject* module) {
  return module_add_text(t, module, "__about__", "Heap queues");
}
static const NativeDef kHeapqFunctions[] = {
    MP_FUNCTION(heappush, "heappush(heap, item, /)", "Push item onto heap, maintaining the heap invariant."),
    MP_FUNCTION(heappushpop, "heappushpop(heap, item, /)",
                "Push item on the heap, then pop and return the smallest item from the heap.\n\nThe combined "
                "action runs more "
                "efficiently than heappush() followed by\na separate call to heappop()."),
    MP_FUNCTION(heappop, "heappop(heap, /)",
                "Pop the smallest item off the heap, maintaining the heap invariant."),
    MP_FUNCTION(heapreplace, "heapreplace(heap, item, /)",
                "Pop and return the current smallest value, and add the new item.\n\nThis is more efficient "
                "than heappop() followed "
                "by heappush(), and can be\nmore appropriate when using a fixed-size heap.  Note that the "
                "value\nreturned may be "
                "larger than item!  That constrains reasonable uses of\nthis routine unless written as part "
                "of a conditional "
                "replacement:\n\n    if item > heap[0]:\n        item = heapreplace(heap, item)"),
    MP_FUNCTION(heapify, "heapify(heap, /)", "Transform list into a heap, in-place, in O(len(heap)) time."),
    MP_FUNCTION(heappop_max, "_heappop_max(heap, /)", "Maxheap variant of heappop."),
    MP_FUNCTION(heapreplace_max, "_heapreplace_max(heap, item, /)", "Maxheap variant of heapreplace."),
    MP_FUNCTION(heapify_max, "_heapify_max(heap, /)", "Maxheap variant of heapify."),
    MP_END};
extern const ModuleSpec kHeapqModule;
const ModuleSpec kHeapqModule = {.name = "_heapq",
                                 .doc = "Heap queue algorithm (a.k.a. priority queue).",
                                 .functions = kHeapqFunctions,
                                 .init = init_heapq};

}  // namespace mp
