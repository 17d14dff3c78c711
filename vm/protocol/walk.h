// Walk: the items of an iterable for native code that goes through all of them. Lists, tuples, texts, bytes,
// dicts, their keys and values, and sets are read where they lie, with the checks of their iterators;
// everything else comes from its iterator.
#pragma once
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"

namespace mp {

class Walk {
 public:
  explicit Walk(Thread& t) : t_(t) {}
  Status begin(Value iterable);
  // kNoMore at the end; not to be called again then.
  Result<Value> next() {
    switch (source_) {
      case Source::List: {
        Value item = static_cast<ListObject*>(object_)->at(position_);
        if (item.is_empty()) return kNoMore;
        ++position_;
        return item;
      }
      case Source::Tuple: {
        auto* tuple = static_cast<TupleObject*>(object_);
        if (position_ >= tuple->size) return kNoMore;
        return (*tuple)[position_++];
      }
      case Source::Text: {
        auto* text = static_cast<StrObject*>(object_);
        if (position_ >= text->length()) return kNoMore;
        return make_str_char(t_, text->at(position_++));
      }
      case Source::Bytes: {
        auto* bytes = static_cast<BytesObject*>(object_);
        if (position_ >= bytes->size) return kNoMore;
        return Value::from_int(bytes->data()[position_++]);
      }
      case Source::Keys:
      case Source::Values: return next_of_dict();
      case Source::Set: return next_of_set();
      case Source::Iterator: break;
    }
    if (next_ == nullptr) return iter_next(t_, object_);
    TRY(t_.poll_within());
    return next_(t_, object_);
  }
  // Whether next() may run script code or take an unknown time.
  bool is_builtin() const { return source_ != Source::Iterator; }
  // How many items there are, where that is certain; else -1.
  int64_t known_length() const { return source_ == Source::Iterator ? -1 : static_cast<int64_t>(expected_); }

  // At the start, of a dict or a set: all items at once into `known_length()` places; false for other
  // sources. SAFETY: nobody else changes the container meanwhile.
  bool copy_to(Slot* to, size_t* copied);

 private:
  enum class Source : uint8_t { Iterator, List, Tuple, Text, Bytes, Keys, Values, Set };
  Result<Value> next_of_dict();
  Result<Value> next_of_set();

  Thread& t_;
  Object* object_ = nullptr;  // the container, or the iterator
  Source source_ = Source::Iterator;
  size_t position_ = 0;
  uint64_t expected_ = 0;     // size of the container at the start
  UnarySlot next_ = nullptr;  // of an iterator of a builtin type
  uint64_t remaining_ = 0;    // items of a dict that are still to come
};

// for_each (protocol.h) by a Walk.
template <class Body>
Status walk_each(Thread& t, Value iterable, Body&& body) {
  Walk walk(t);
  TRY(walk.begin(iterable));
  for (;;) {
    Value item = TRY(walk.next());
    if (item.is_no_more()) return {};
    TRY(body(item));
  }
}

}  // namespace mp
