// Struct sequences: tuples with named fields (os.stat_result, time.struct_time). Fields beyond the visible
// ones live in the instance's attribute area.
#include <array>

#include "vm/types/number.h"
#include "vm/types/type_internal.h"

namespace mp {

// Type::extra of a struct sequence type: (field name, ...) with None for unnamed ones, then the visible count
// as the last item.
static TupleObject* field_names(Type* type) {
  while (type->extra.get().is_empty() && type->base.load() != nullptr) type = type->base.load();
  return type->extra.get().as<TupleObject>();
}
static size_t all_fields(Type* type) { return field_names(type)->size - 1; }
static size_t visible_fields(Type* type) {
  TupleObject* names = field_names(type);
  return static_cast<size_t>((*names)[names->size - 1].as_int());
}

Value make_struct_sequence(Thread& t, Type* type, const Value* values, size_t count) {
  size_t visible = visible_fields(type);
  auto* tuple = t.heap().make<TupleObject>(t, type, visible * sizeof(Slot));
  tuple->size = visible;
  tuple->hash.store(-1);  // not computed
  for (size_t i = 0; i < visible; ++i) tuple->items()[i] = i < count ? values[i] : kNone;
  TupleObject* names = field_names(type);
  for (size_t i = visible; i < all_fields(type); ++i)
    (void)instance_set_own(t, tuple, (*names)[i].as<StrObject>(),
                           i < count && !values[i].is_empty() ? values[i] : kNone);
  return tuple;
}

static Result<Value> sequence_new(Thread& t, const Value* args) {
  auto* type = args[0].as<Type>();
  Value tuple = TRY(to_tuple(t, args[1]));
  auto* items = tuple.as<TupleObject>();
  size_t least = visible_fields(type), most = all_fields(type);
  if (items->size < least || items->size > most) {
    if (least != most)
      return t.raise(Exc::TypeError, "{}() takes an {} {}-sequence ({}-sequence given)", type_full_name(type),
                     items->size < least ? "at least" : "at most", items->size < least ? least : most,
                     items->size);
    return t.raise(Exc::TypeError, "{}() takes a {}-sequence ({}-sequence given)", type_full_name(type),
                   least, items->size);
  }
  if (!args[2].is_empty() && !is_dict(args[2]))
    return t.raise(Exc::TypeError, "{}() takes a dict as second arg, if any", type_full_name(type));
  RootVector values(t);
  TupleObject* names = field_names(type);
  for (size_t i = 0; i < most; ++i) {
    Value v = i < items->size ? (*items)[i] : kNone;
    if (i >= items->size && !args[2].is_empty()) {
      Value given = TRY(dict_get(t, args[2].as<DictObject>(), (*names)[i]));
      if (!given.is_not_found()) v = given;
    }
    values.push_back(v);
  }
  return make_struct_sequence(t, type, values.data(), values.size());
}

static Result<Value> sequence_repr(Thread& t, Value self) {
  auto* tuple = self.as<TupleObject>();
  Type* type = tuple->type();
  TupleObject* names = field_names(type);
  std::string text = type_full_name(type) + "(";
  for (size_t i = 0; i < tuple->size; ++i) {
    Value shown = TRY(repr(t, (*tuple)[i]));
    if (i > 0) text += ", ";
    if (is_str((*names)[i])) text += to_utf8((*names)[i].as<StrObject>()) + "=";
    text += to_utf8(shown.as<StrObject>());
  }
  return make_str(t, text + ")");
}

static Result<Value> sequence_reduce(Thread& t, const Value* args) {
  auto* tuple = args[0].as<TupleObject>();
  Type* type = tuple->type();
  TupleObject* names = field_names(type);
  DictObject* rest = make_dict(t);
  for (size_t i = visible_fields(type); i < all_fields(type); ++i)
    TRY(dict_set(t, rest, (*names)[i], instance_get_own(t, tuple, (*names)[i].as<StrObject>())));
  Value plain = make_tuple(t, reinterpret_cast<const Value*>(tuple->items()), tuple->size);
  return make_tuple(t, {Value(type), Value(make_tuple(t, {plain, Value(rest)}))});
}

static Result<Value> sequence_replace(Thread& t, Value self, const CallArgs& args) {
  auto* tuple = self.as<TupleObject>();
  Type* type = tuple->type();
  TupleObject* names = field_names(type);
  if (args.count > 0)
    return t.raise(Exc::TypeError, "__replace__() takes no positional arguments ({} given)", args.count);
  RootVector values(t);
  for (size_t i = 0; i < all_fields(type); ++i) {
    Value v = i < tuple->size ? (*tuple)[i] : instance_get_own(t, tuple, (*names)[i].as<StrObject>());
    if (is_str((*names)[i])) {
      Value given = find_keyword(args, to_utf8((*names)[i].as<StrObject>()));
      if (!given.is_empty()) v = given;
    }
    values.push_back(v);
  }
  return make_struct_sequence(t, type, values.data(), values.size());
}

// All fields are read-only, those of the attribute area as well, and there is no room for others.
static Status sequence_set_attr(Thread& t, Value self, StrObject* name, Value) {
  Type* type = type_of(t, self);
  TupleObject* names = field_names(type);
  for (size_t i = 0; i < all_fields(type); ++i)
    if ((*names)[i] == Value(name)) return t.raise(Exc::AttributeError, "readonly attribute");
  return t.raise(Exc::AttributeError,
                 "'{}' object has no attribute '{}' and no __dict__ for setting new attributes",
                 type_full_name(type), str_text(t, name));
}

static const NativeDef kSequenceMethods[] = {
    MP_NEW(sequence_new, "__new__(cls, sequence, dict=?)", nullptr),
    MP_METHOD(sequence_reduce, "__reduce__(self, /)", nullptr),
    MP_RAW_METHOD(sequence_replace, "__replace__(self, /, **changes)", nullptr), MP_END};

// One TypeSpec per struct sequence; kept as long as the runtime.
namespace {
struct SequenceSpecs {
  std::vector<std::unique_ptr<TypeSpec>> specs;
};
const char kSequenceTag = 0;
}  // namespace

static Result<Value> index_of_getter(Thread& t, Value self, size_t index) {
  (void)t;
  return self.as<TupleObject>()->items()[index];
}
// Getters by index: GetSetDef carries no data, so there is one function per position.
template <size_t... I>
static constexpr auto make_getters(std::index_sequence<I...>) {
  return std::array<Getter, sizeof...(I)>{
      [](Thread& t, Value self) { return index_of_getter(t, self, I); }...};
}

Type* struct_sequence_type(Thread& t, const StructSequenceSpec& spec) {
  static constexpr auto kGetters = make_getters(std::make_index_sequence<32>());
  if (Type* type = known_type(t, &spec)) return type;
  TypeLock lock(t);
  if (Type* type = known_type(t, &spec)) return type;
  auto made = std::make_unique<TypeSpec>();
  made->name = spec.name;
  made->base = &BuiltinTypes::tuple;
  made->kind = Kind::Tuple;
  made->size = sizeof(TupleObject);
  made->doc = spec.doc;
  made->slots = MP_SLOTS(.repr = sequence_repr, .set_attr = sequence_set_attr);
  made->methods = kSequenceMethods;
  size_t count = 0;
  while (spec.fields[count] != nullptr) ++count;
  if (count > spec.visible) made->flags |= kTypeHasDict;
  auto* getsets = new GetSetDef[spec.visible + 1]();
  for (size_t i = 0; i < spec.visible && i < kGetters.size(); ++i)
    getsets[i] = {spec.fields[i], kGetters[i], nullptr, nullptr};
  made->getsets = getsets;
  Type* type = make_builtin_type(t, *made);
  TupleObject* names = allocate_tuple(t, count + 1);
  TupleObject* match = allocate_tuple(t, spec.visible);
  for (size_t i = 0; i < count; ++i) {
    names->items()[i] = Value(intern(t, spec.fields[i]));
    if (i < spec.visible) match->items()[i] = (*names)[i];
  }
  names->items()[count] = Value::from_int(static_cast<int64_t>(spec.visible));
  type->extra = Value(names);
  (void)type_set_attr_raw(t, type, intern(t, "n_fields"), Value::from_int(static_cast<int64_t>(count)));
  (void)type_set_attr_raw(t, type, intern(t, "n_sequence_fields"),
                          Value::from_int(static_cast<int64_t>(spec.visible)));
  (void)type_set_attr_raw(t, type, intern(t, "n_unnamed_fields"), Value::from_int(0));
  (void)type_set_attr_raw(t, type, t.names().__match_args__, Value(match));
  t.runtime().state<SequenceSpecs>(&kSequenceTag).specs.push_back(std::move(made));
  remember_type(t, &spec, type);
  return type;
}

}  // namespace mp
