#include "vm/protocol/walk.h"

#include "vm/protocol/protocol.h"
#include "vm/types/dict_table.h"
#include "vm/types/runtime.h"
#include "vm/types/set_table.h"

namespace mp {

Status Walk::begin(Value iterable) {
  BuiltinTypes& types = t_.types();
  Type* type = iterable.is_object() ? iterable.as_object()->type() : nullptr;
  auto read = [&](Source source, Object* container, uint64_t count) {
    source_ = source;
    object_ = container;
    expected_ = remaining_ = count;
    return Status();
  };
  if (type == types.list)
    return read(Source::List, iterable.as_object(), iterable.as<ListObject>()->length());
  if (type == types.tuple) return read(Source::Tuple, iterable.as_object(), iterable.as<TupleObject>()->size);
  if (type == types.str) return read(Source::Text, iterable.as_object(), iterable.as<StrObject>()->length());
  if (type == types.bytes) return read(Source::Bytes, iterable.as_object(), iterable.as<BytesObject>()->size);
  if (type == types.set || type == types.frozenset)
    return read(Source::Set, iterable.as_object(), iterable.as<SetObject>()->length());
  if (type == types.dict)
    return read(Source::Keys, iterable.as_object(), iterable.as<DictObject>()->length());
  if (type == types.dict_keys || type == types.dict_values) {
    Value dict = iterable.as<DictViewObject>()->dict;
    if (is_exact(dict, types.dict))
      return read(type == types.dict_keys ? Source::Keys : Source::Values, dict.as_object(),
                  dict.as<DictObject>()->length());
  }
  object_ = TRY(get_iter(t_, iterable)).as_object();
  if (!object_->type()->has(kTypeHeap)) next_ = object_->type()->slots.next;
  return {};
}

bool Walk::copy_to(Slot* to, size_t* copied) {
  size_t count = 0;
  if (source_ == Source::Keys || source_ == Source::Values) {
    DictTable* table = static_cast<DictObject*>(object_)->table.load(std::memory_order_acquire);
    DictEntry* entries = table->entries();
    uint32_t used = table->used.load(std::memory_order_acquire);
    for (uint32_t i = 0; i < used && count < expected_; ++i) {
      Value key = entries[i].key.get();
      if (!key.is_empty()) to[count++].set(source_ == Source::Keys ? key : entries[i].value.get());
    }
  } else if (source_ == Source::Set) {
    SetKeys keys(static_cast<SetObject*>(object_)->table.load(std::memory_order_acquire));
    while (count < expected_ && keys.next()) to[count++].set(keys.key);
  } else {
    return false;
  }
  *copied = count;
  return true;
}

Result<Value> Walk::next_of_dict() {
  auto* dict = static_cast<DictObject*>(object_);
  if (expected_ != dict->length())
    return t_.raise(Exc::RuntimeError, "dictionary changed size during iteration");
  Value key, value;
  if (!dict_next_pair(dict->table.load(std::memory_order_acquire), &position_, &key, &value)) return kNoMore;
  if (remaining_ == 0) return t_.raise(Exc::RuntimeError, "dictionary keys changed during iteration");
  --remaining_;
  return source_ == Source::Keys ? key : value;
}

Result<Value> Walk::next_of_set() {
  auto* set = static_cast<SetObject*>(object_);
  if (expected_ != set->length()) return t_.raise(Exc::RuntimeError, "Set changed size during iteration");
  Value key;
  if (!set_next_in(set->table.load(std::memory_order_acquire), &position_, &key, nullptr)) return kNoMore;
  return key;
}

}  // namespace mp
