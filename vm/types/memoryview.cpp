// The memoryview type: slicing, casting, attributes.
#include "vm/types/memoryview.h"

#include <algorithm>

#include "vm/core/compiler.h"
#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/bytes_methods.h"
#include "vm/types/list_filler.h"
#include "vm/types/number.h"

namespace mp {

static MemoryViewObject* allocate_view(Thread& t, int dimensions) {
  auto* m = t.heap().make<MemoryViewObject>(t, t.types().memoryview, static_cast<size_t>(dimensions) * 16);
  m->dimensions = static_cast<int16_t>(dimensions);
  m->hash.store(-1);
  m->users.store(1);
  return m;
}

MP_NOINLINE static void drop_user(MemoryViewObject* m) {
  if (m->users.fetch_sub(1) == 1 && m->procs != nullptr) m->procs->release(m->owner);
}
static void finalize_view(Object* object) {
  auto* m = static_cast<MemoryViewObject*>(object);
  if (!m->released.exchange(true)) drop_user(m);
}

// One that no script sees: released at once, not when it is found dead.
struct TemporaryView {
  explicit TemporaryView(Value v) : view(v.as<MemoryViewObject>()) {}
  ~TemporaryView() { finalize_view(view); }
  TemporaryView(const TemporaryView&) = delete;
  MemoryViewObject* operator->() const { return view; }
  MemoryViewObject* const view;
};

static Status check_live(Thread& t, MemoryViewObject* m) {
  if (m->released.load())
    return t.raise(Exc::ValueError, "operation forbidden on released memoryview object");
  return {};
}

// Whoever reads or writes the memory of a view has one of these, and asks check_live() then. Without a GIL
// another thread may release the view meanwhile and close what it shows: the last user gives the memory back.
// (The collector keeps memory in a cell of its own.) No script code between this and the last access: it may
// switch the GIL off.
class ViewInUse {
 public:
  ViewInUse(Thread& t, MemoryViewObject* m)
      : held_(m->procs != nullptr && m->cell == nullptr && free_threaded(t) && hold(m) ? m : nullptr) {}
  ~ViewInUse() {
    if (held_ != nullptr) drop_user(held_);
  }
  ViewInUse(const ViewInUse&) = delete;

 private:
  MP_NOINLINE static bool hold(MemoryViewObject* m) {  // false: released
    int32_t users = m->users.load();
    while (users != 0 && !m->users.compare_exchange_weak(users, users + 1)) {
    }
    return users != 0;
  }
  MemoryViewObject* const held_;
};

static Result<MemoryViewObject*> clone_view(Thread& t, MemoryViewObject* from, int dimensions) {
  MemoryViewObject* m = allocate_view(t, dimensions);
  m->owner = from->owner.get();
  m->format = from->format.get();
  m->cell = from->cell;
  m->data = from->data;
  m->size = from->size;
  m->item_size = from->item_size;
  m->read_only = from->read_only;
  if (from->procs != nullptr) {  // memory that can go away: this view counts by itself
    // __index__ or, until this one counts, another thread may have released that one. The collector keeps
    // memory in a cell of its own, no other.
    auto live = [&] { return from->cell != nullptr ? Status() : check_live(t, from); };
    TRY(live());
    BufferView again;
    TRY(from->procs->acquire(t, m->owner, &again));
    m->procs = from->procs;
    t.heap().register_native_finalizer(m, finalize_view);
    if (live().is_error()) {
      finalize_view(m);
      return Error{};
    }
  }
  return m;
}

Result<Value> make_memoryview(Thread& t, Value v) {
  if (!supports_buffer(t, v)) {
    return t.raise(Exc::TypeError, "memoryview: a bytes-like object is required, not '{}'", type_name(t, v));
  }
  BufferView view;
  TRY(get_buffer(t, v, &view));
  MemoryViewObject* m = allocate_view(t, view.dimensions);
  Value owner = view.owner;
  // A view of a view looks at the same exporter.
  if (is_kind(owner, Kind::MemoryView)) owner = owner.as<MemoryViewObject>()->owner;
  m->owner = owner;
  m->format = Value(intern(t, std::string_view(view.format)));
  m->cell = view.cell;
  m->data = view.data;
  m->procs = view.procs;
  m->size = view.size;
  m->item_size = view.item_size;
  m->read_only = view.read_only;
  std::copy(view.shape, view.shape + view.dimensions, m->shape());
  std::copy(view.strides, view.strides + view.dimensions, m->strides());
  if (m->procs != nullptr) t.heap().register_native_finalizer(m, finalize_view);
  return Value(m);
}

static Result<Value> memoryview_new(Thread& t, const Value* args) { return make_memoryview(t, args[1]); }

static BufferView as_view(MemoryViewObject* m) {
  BufferView view;
  view.owner = m->owner;
  view.data = m->data;
  view.size = m->size;
  view.item_size = m->item_size;
  view.dimensions = m->dimensions;
  std::copy(m->shape(), m->shape() + m->dimensions, view.shape);
  std::copy(m->strides(), m->strides() + m->dimensions, view.strides);
  return view;
}

static Result<Value> unpack_item(Thread& t, MemoryViewObject* m, const uint8_t* data) {
  char code = m->code();
  if (native_item_size(code) == 0) {
    return t.raise(Exc::NotImplementedError, "memoryview: format {} not supported",
                   to_utf8(m->format.get().as<StrObject>()));
  }
  return unpack_native(t, code, data);
}

// ---------------------------------------------------------------- indexing

static Result<uint8_t*> item_address(Thread& t, MemoryViewObject* m, const Value* keys, int count) {
  uint8_t* p = m->data;
  for (int d = 0; d < count; ++d) {
    int64_t i = TRY(to_ssize(t, keys[d], Exc::IndexError));
    if (i < 0) i += m->shape()[d];
    if (i < 0 || i >= m->shape()[d]) {
      return t.raise(Exc::IndexError, "index out of bounds on dimension {}", d + 1);
    }
    p += i * m->strides()[d];
  }
  return p;
}

static bool is_index(Thread& t, Value v) {
  return is_any_int(v) || (v.is_object() && type_of(t, v)->slots.index != nullptr);
}

static Result<Value> slice_view(Thread& t, MemoryViewObject* m, SliceObject* slice) {
  if (m->dimensions == 0) return t.raise(Exc::TypeError, "invalid indexing of 0-dim memory");
  SliceRange range = TRY(slice_indices(t, slice, m->shape()[0]));
  MemoryViewObject* out = TRY(clone_view(t, m, m->dimensions));
  std::copy(m->shape(), m->shape() + m->dimensions, out->shape());
  std::copy(m->strides(), m->strides() + m->dimensions, out->strides());
  int64_t count = std::max<int64_t>(range.count, 0);
  if (count > 0) out->data = m->data + range.start * m->strides()[0];
  out->shape()[0] = count;
  out->strides()[0] = m->strides()[0] * range.step;
  out->size = m->item_size;
  for (int d = 0; d < out->dimensions; ++d) out->size *= out->shape()[d];
  return Value(out);
}

// The address of the one item that `key` names.
static Result<uint8_t*> locate(Thread& t, MemoryViewObject* m, Value key) {
  if (m->dimensions == 0) {
    if (key == kEllipsis || (is_tuple(key) && key.as<TupleObject>()->size == 0)) return m->data;
    return t.raise(Exc::TypeError, "invalid indexing of 0-dim memory");
  }
  if (is_index(t, key)) {
    if (m->dimensions > 1) {
      return t.raise(Exc::NotImplementedError, "multi-dimensional sub-views are not implemented");
    }
    return item_address(t, m, &key, 1);
  }
  if (is_tuple(key)) {
    auto* tuple = key.as<TupleObject>();
    Value keys[kMaxBufferDimensions];
    bool all_slices = tuple->size > 0;
    for (size_t i = 0; i < tuple->size && i < kMaxBufferDimensions; ++i) {
      keys[i] = (*tuple)[i];
      all_slices = all_slices && is_kind(keys[i], Kind::Slice);
      if (!is_index(t, keys[i]) && !is_kind(keys[i], Kind::Slice)) {
        return t.raise(Exc::TypeError, "memoryview: invalid slice key");
      }
    }
    if (all_slices) return t.raise(Exc::NotImplementedError, "multi-dimensional slicing is not implemented");
    for (size_t i = 0; i < tuple->size; ++i)
      if (!is_index(t, (*tuple)[i])) return t.raise(Exc::TypeError, "memoryview: invalid slice key");
    if (tuple->size < static_cast<size_t>(m->dimensions)) {
      return t.raise(Exc::NotImplementedError, "sub-views are not implemented");
    }
    if (tuple->size > static_cast<size_t>(m->dimensions)) {
      return t.raise(Exc::TypeError, "cannot index {}-dimension view with {}-element tuple", m->dimensions,
                     tuple->size);
    }
    return item_address(t, m, keys, m->dimensions);
  }
  return t.raise(Exc::TypeError, "memoryview: invalid slice key");
}

static Result<Value> memoryview_get_item(Thread& t, Value self, Value key) {
  auto* m = self.as<MemoryViewObject>();
  TRY(check_live(t, m));
  if (is_kind(key, Kind::Slice)) return slice_view(t, m, key.as<SliceObject>());
  uint8_t* p = TRY(locate(t, m, key));
  ViewInUse use(t, m);
  TRY(check_live(t, m));
  return unpack_item(t, m, p);
}

static std::string normalized_format(MemoryViewObject* m) {
  std::string f = to_utf8(m->format.get().as<StrObject>());
  return f.size() > 1 && f[0] == '@' ? f.substr(1) : f;
}

static Status memoryview_set_item(Thread& t, Value self, Value key, Value value) {
  auto* m = self.as<MemoryViewObject>();
  TRY(check_live(t, m));
  if (m->read_only) return t.raise(Exc::TypeError, "cannot modify read-only memory");
  if (value.is_empty()) return t.raise(Exc::TypeError, "cannot delete memory");
  if (is_kind(key, Kind::Slice) && m->dimensions == 1) {
    TemporaryView from(TRY(make_memoryview(t, value))), to(TRY(slice_view(t, m, key.as<SliceObject>())));
    TRY(check_live(t, m));
    if (from->dimensions != 1 || normalized_format(from.view) != normalized_format(to.view) ||
        from->shape()[0] != to->shape()[0]) {
      return t.raise(Exc::ValueError, "memoryview assignment: lvalue and rvalue have different structures");
    }
    std::string content = buffer_to_bytes(t, as_view(from.view));
    for (int64_t i = 0; i < to->shape()[0]; ++i) {
      std::memcpy(to->data + i * to->strides()[0], content.data() + i * to->item_size,
                  static_cast<size_t>(to->item_size));
    }
    return {};
  }
  if (is_kind(key, Kind::Slice)) {
    return t.raise(Exc::NotImplementedError,
                   "memoryview slice assignments are currently restricted to ndim = 1");
  }
  uint8_t* p = TRY(locate(t, m, key));
  char code = m->code();
  if (native_item_size(code) == 0) {
    return t.raise(Exc::NotImplementedError, "memoryview: format {} not supported",
                   to_utf8(m->format.get().as<StrObject>()));
  }
  uint8_t packed[16];
  TRY(pack_native(t, code, packed, value));
  ViewInUse use(t, m);
  TRY(check_live(t, m));
  std::memcpy(p, packed, static_cast<size_t>(m->item_size));
  return {};
}

static Result<int64_t> memoryview_length(Thread& t, Value self) {
  auto* m = self.as<MemoryViewObject>();
  TRY(check_live(t, m));
  if (m->dimensions == 0) return t.raise(Exc::TypeError, "0-dim memory has no length");
  return m->shape()[0];
}

// ---------------------------------------------------------------- comparing, hashing, repr

static Result<bool> equal_dimension(Thread& t, MemoryViewObject* a, MemoryViewObject* b, int d,
                                    const uint8_t* p, const uint8_t* q) {
  if (d == a->dimensions) {
    Value left = TRY(unpack_item(t, a, p)), right = TRY(unpack_item(t, b, q));
    return compare_bool(t, left, right, CompareOp::Eq);
  }
  for (int64_t i = 0; i < a->shape()[d]; ++i)
    if (!TRY(equal_dimension(t, a, b, d + 1, p + i * a->strides()[d], q + i * b->strides()[d]))) return false;
  return true;
}

static Result<Value> memoryview_compare(Thread& t, Value left, Value right, CompareOp op) {
  if (op != CompareOp::Eq && op != CompareOp::Ne) return kNotImplemented;
  auto* a = left.as<MemoryViewObject>();
  bool equal;
  if (left == right) {
    ViewInUse use(t, a);
    equal = true;
    if (!a->released.load() && (a->code() == 'd' || a->code() == 'f'))
      equal = TRY(equal_dimension(t, a, a, 0, a->data, a->data));
  } else if (a->released.load() ||
             (is_kind(right, Kind::MemoryView) && right.as<MemoryViewObject>()->released.load())) {
    equal = false;
  } else if (!supports_buffer(t, right)) {
    return kNotImplemented;
  } else {
    TemporaryView other(TRY(make_memoryview(t, right)));
    MemoryViewObject* b = other.view;
    ViewInUse use(t, a);  // nobody else has b
    equal = !a->released.load() && a->dimensions == b->dimensions &&
            std::equal(a->shape(), a->shape() + a->dimensions, b->shape());
    if (equal) {
      bool same = a->code() == b->code() && a->code() != 0 && a->code() != 'f' && a->code() != 'd' &&
                  a->code() != 'e';
      if (same) {
        equal = buffer_to_bytes(t, as_view(a)) == buffer_to_bytes(t, as_view(b));
      } else if (native_item_size(a->code()) == 0 || native_item_size(b->code()) == 0) {
        equal = normalized_format(a) == normalized_format(b) &&
                buffer_to_bytes(t, as_view(a)) == buffer_to_bytes(t, as_view(b));
      } else {
        equal = TRY(equal_dimension(t, a, b, 0, a->data, b->data));
      }
    }
  }
  return Value::from_bool(equal == (op == CompareOp::Eq));
}

static Result<int64_t> memoryview_hash(Thread& t, Value self) {
  auto* m = self.as<MemoryViewObject>();
  int64_t h = m->hash.load();
  if (h != -1) return h;
  TRY(check_live(t, m));
  if (!m->read_only) return t.raise(Exc::ValueError, "cannot hash writable memoryview object");
  char code = m->code();
  if (code != 'B' && code != 'b' && code != 'c') {
    return t.raise(Exc::ValueError, "memoryview: hashing is restricted to formats 'B', 'b' or 'c'");
  }
  (void)TRY(hash(t, m->owner));
  ViewInUse use(t, m);
  TRY(check_live(t, m));
  std::string content = buffer_to_bytes(t, as_view(m));
  h = hash_bytes(content.data(), content.size());
  m->hash.store(h);
  return h;
}

static Result<Value> memoryview_repr(Thread& t, Value self) {
  bool released = self.as<MemoryViewObject>()->released.load();
  return str_or_error(
      make_str(t, fmt::format("<{}memory at {:#x}>", released ? "released " : "", self.bits())));
}

// ---------------------------------------------------------------- methods

static Result<Value> memoryview_release(Thread&, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  if (!m->released.exchange(true)) drop_user(m);
  return kNone;
}
static Result<Value> memoryview_enter(Thread& t, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  TRY(check_live(t, m));
  return args[0];
}
static Result<Value> memoryview_exit(Thread& t, const Value* args) { return memoryview_release(t, args); }

static Result<Value> memoryview_tobytes(Thread& t, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  ViewInUse use(t, m);
  TRY(check_live(t, m));
  bool fortran = false;
  if (!args[1].is_none()) {
    if (!is_str(args[1])) {
      return t.raise(Exc::TypeError, "tobytes() argument 'order' must be str or None, not {}",
                     type_name(t, args[1]));
    }
    std::string order = to_utf8(args[1].as<StrObject>());
    if (order == "F") {
      fortran = m->dimensions > 1;
    } else if (order != "C" && order != "A") {
      return t.raise(Exc::ValueError, "order must be 'C', 'F' or 'A'");
    }
  }
  BufferView view = as_view(m);
  if (fortran) {
    std::reverse(view.shape, view.shape + view.dimensions);
    std::reverse(view.strides, view.strides + view.dimensions);
  }
  return str_or_error(make_bytes(t, buffer_to_bytes(t, view)));
}

static Result<Value> memoryview_hex(Thread& t, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  HexGroups groups = TRY(hex_groups(t, args[1], args[2]));
  ViewInUse use(t, m);
  TRY(check_live(t, m));
  return hex_text(t, buffer_to_bytes(t, as_view(m)), groups, HexType::Str);
}

static Result<Value> list_dimension(Thread& t, MemoryViewObject* m, int d, const uint8_t* p) {
  if (d == m->dimensions) return unpack_item(t, m, p);
  ListFiller out(t, static_cast<size_t>(m->shape()[d]));
  char code = m->code();
  bool items = d + 1 == m->dimensions && native_item_size(code) != 0;
  for (int64_t i = 0; items && i < m->shape()[d]; ++i)
    out.push(TRY(unpack_native(t, code, p + i * m->strides()[d])));
  for (int64_t i = 0; !items && i < m->shape()[d]; ++i)
    out.push(TRY(list_dimension(t, m, d + 1, p + i * m->strides()[d])));
  return out.finish();
}
static Result<Value> memoryview_tolist(Thread& t, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  ViewInUse use(t, m);
  TRY(check_live(t, m));
  return list_dimension(t, m, 0, m->data);
}

static Result<Value> memoryview_toreadonly(Thread& t, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  TRY(check_live(t, m));
  MemoryViewObject* out = TRY(clone_view(t, m, m->dimensions));
  std::copy(m->shape(), m->shape() + 2 * m->dimensions, out->shape());
  out->read_only = true;
  return Value(out);
}

static Result<Value> memoryview_cast(Thread& t, const Value* args) {
  auto* m = args[0].as<MemoryViewObject>();
  TRY(check_live(t, m));
  if (!is_str(args[1])) {
    return t.raise(Exc::TypeError, "cast() argument 'format' must be str, not {}", type_name(t, args[1]));
  }
  if (!as_view(m).contiguous()) {
    return t.raise(Exc::TypeError, "memoryview: casts are restricted to C-contiguous views");
  }
  auto* format = args[1].as<StrObject>();
  size_t at = format->length() == 2 && format->at(0) == '@' ? 1 : 0;
  char code = format->length() == at + 1 && format->is_ascii() ? static_cast<char>(format->at(at)) : 0;
  int64_t item_size = native_item_size(code);
  if (item_size == 0) {
    return t.raise(Exc::ValueError,
                   "memoryview: destination format must be a native single character format prefixed with an "
                   "optional '@'");
  }
  auto is_byte = [](char c) { return c == 'b' || c == 'B' || c == 'c'; };
  if (!is_byte(m->code()) && !is_byte(code)) {
    return t.raise(Exc::TypeError, "memoryview: cannot cast between two non-byte formats");
  }
  if (m->size % item_size != 0) {
    return t.raise(Exc::TypeError, "memoryview: length is not a multiple of itemsize");
  }
  Value shape = args[2];
  int dimensions = 1;
  int64_t wanted[kMaxBufferDimensions];
  wanted[0] = m->size / item_size;
  if (!shape.is_empty()) {
    if (!is_tuple(shape) && !is_list(shape))
      return t.raise(Exc::TypeError, "shape must be a list or a tuple");
    Value as_tuple = TRY(to_tuple(t, shape));
    auto* tuple = as_tuple.as<TupleObject>();
    if (tuple->size > kMaxBufferDimensions) {
      return t.raise(Exc::ValueError, "memoryview: number of dimensions must not exceed 64");
    }
    if (m->dimensions != 1 && tuple->size != 1) {
      return t.raise(Exc::TypeError, "memoryview: cast must be 1D -> ND or ND -> 1D");
    }
    dimensions = static_cast<int>(tuple->size);
    int64_t product = item_size;
    for (int d = 0; d < dimensions; ++d) {
      Value v = (*tuple)[static_cast<size_t>(d)];
      if (!is_any_int(v))
        return t.raise(Exc::TypeError, "memoryview.cast(): elements of shape must be integers");
      int64_t n;
      if (!int_to_int64(v, &n) || n <= 0) {
        return t.raise(Exc::ValueError, "memoryview.cast(): elements of shape must be integers > 0");
      }
      if (__builtin_mul_overflow(product, n, &product)) {
        return t.raise(Exc::ValueError, "memoryview.cast(): product(shape) > SSIZE_MAX");
      }
      wanted[d] = n;
    }
    if (product != m->size) {
      return t.raise(Exc::TypeError, "memoryview: product(shape) * itemsize != buffer size");
    }
  }
  MemoryViewObject* out = TRY(clone_view(t, m, dimensions));
  out->format = args[1];
  out->item_size = item_size;
  int64_t stride = item_size;
  for (int d = dimensions - 1; d >= 0; --d) {
    out->shape()[d] = wanted[d];
    out->strides()[d] = stride;
    stride *= wanted[d];
  }
  return Value(out);
}

// ---------------------------------------------------------------- attributes

#define MP_VIEW_GETTER(name, expression)                          \
  static Result<Value> memoryview_##name(Thread& t, Value self) { \
    auto* m = self.as<MemoryViewObject>();                        \
    TRY(check_live(t, m));                                        \
    return expression;                                            \
  }
static Value int_tuple(Thread& t, const int64_t* items, int count) {
  TupleObject* tuple = allocate_tuple(t, static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) tuple->items()[i] = make_int(t, items[i]);
  return tuple;
}
static bool fortran_contiguous(MemoryViewObject* m) {
  int64_t expected = m->item_size;
  for (int d = 0; d < m->dimensions; ++d) {
    if (m->shape()[d] > 1 && m->strides()[d] != expected) return false;
    expected *= m->shape()[d];
  }
  return true;
}
MP_VIEW_GETTER(obj, Result<Value>(m->owner.get()))
MP_VIEW_GETTER(nbytes, make_int(t, m->size))
MP_VIEW_GETTER(itemsize, make_int(t, m->item_size))
MP_VIEW_GETTER(format, Result<Value>(m->format.get()))
MP_VIEW_GETTER(ndim, Value::from_int(m->dimensions))
MP_VIEW_GETTER(readonly, Value::from_bool(m->read_only))
MP_VIEW_GETTER(shape, int_tuple(t, m->shape(), m->dimensions))
MP_VIEW_GETTER(strides, int_tuple(t, m->strides(), m->dimensions))
MP_VIEW_GETTER(suboffsets, Value(empty_tuple(t)))
MP_VIEW_GETTER(c_contiguous, Value::from_bool(as_view(m).contiguous()))
MP_VIEW_GETTER(f_contiguous, Value::from_bool(fortran_contiguous(m)))
MP_VIEW_GETTER(contiguous, Value::from_bool(as_view(m).contiguous() || fortran_contiguous(m)))
#undef MP_VIEW_GETTER

static const GetSetDef kMemoryViewGetSets[] = {
    {"obj", memoryview_obj, nullptr, "The underlying object of the memoryview."},
    {"nbytes", memoryview_nbytes, nullptr,
     "The amount of space in bytes that the array would use in a contiguous representation."},
    {"itemsize", memoryview_itemsize, nullptr, "The size in bytes of each element of the memoryview."},
    {"format", memoryview_format, nullptr,
     "A string containing the format (in struct module style) for each element in the view."},
    {"ndim", memoryview_ndim, nullptr,
     "An integer indicating how many dimensions of a multi-dimensional array the memory represents."},
    {"readonly", memoryview_readonly, nullptr, "A bool indicating whether the memory is read only."},
    {"shape", memoryview_shape, nullptr,
     "A tuple of ndim integers giving the shape of the memory as an N-dimensional array."},
    {"strides", memoryview_strides, nullptr,
     "A tuple of ndim integers giving the size in bytes to access each element for each dimension of the "
     "array."},
    {"suboffsets", memoryview_suboffsets, nullptr,
     "A tuple of integers used internally for PIL-style arrays."},
    {"c_contiguous", memoryview_c_contiguous, nullptr,
     "A bool indicating whether the memory is C contiguous."},
    {"f_contiguous", memoryview_f_contiguous, nullptr,
     "A bool indicating whether the memory is Fortran contiguous."},
    {"contiguous", memoryview_contiguous, nullptr, "A bool indicating whether the memory is contiguous."},
    {}};

static const NativeDef kMemoryViewMethods[] = {
    MP_NEW(memoryview_new, "__new__(cls, object)", nullptr),
    MP_METHOD(memoryview_release, "release(self, /)",
              "Release the underlying buffer exposed by the memoryview object."),
    MP_METHOD(memoryview_tobytes, "tobytes(self, /, order='C')",
              "Return the data in the buffer as a byte string."),
    MP_METHOD(memoryview_hex, "hex(self, sep=?, bytes_per_sep=1)",
              "Return the data in the buffer as a str of hexadecimal numbers."),
    MP_METHOD(memoryview_tolist, "tolist(self, /)", "Return the data in the buffer as a list of elements."),
    MP_METHOD(memoryview_cast, "cast(self, /, format, shape=?)",
              "Cast a memoryview to a new format or shape."),
    MP_METHOD(memoryview_toreadonly, "toreadonly(self, /)", "Return a readonly version of the memoryview."),
    MP_METHOD(memoryview_enter, "__enter__(self, /)", nullptr),
    MP_METHOD(memoryview_exit, "__exit__(self, /, *args)", nullptr),
    MP_END};

static void trace_memoryview(Object* object, Tracer& tracer) {
  auto* m = static_cast<MemoryViewObject*>(object);
  tracer.visit(m->owner);
  tracer.visit(m->format);
  if (m->cell != nullptr) tracer.mark_raw(m->cell);
}

extern const TypeSpec kMemoryViewSpec;
const TypeSpec kMemoryViewSpec = {
    .name = "memoryview",
    .kind = Kind::MemoryView,
    .size = sizeof(MemoryViewObject),
    .flags = kTypeImmutable | kTypeSequence | kTypeHasWeakref,
    .doc = "Create a new memoryview object which references the given object.",
    .trace = trace_memoryview,
    .slots = MP_SLOTS(.repr = memoryview_repr, .hash = memoryview_hash, .compare = memoryview_compare,
                      .length = memoryview_length, .get_item = memoryview_get_item,
                      .set_item = memoryview_set_item),
    .methods = kMemoryViewMethods,
    .getsets = kMemoryViewGetSets};

}  // namespace mp
