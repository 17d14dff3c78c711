// What the files of pyexpat share: the parser object, and how expat and its handlers take turns.
//
// Expat's code runs under a mutex, that of the parser and of all parsers for its external entities: they
// share declarations. While a handler runs the mutex is free, so that other threads may look at the parser;
// only Parse() is refused until the one under way is over.
#pragma once
#include <expat.h>

#include <memory>
#include <mutex>
#include <string>

#include "vm/gc/heap.h"
#include "vm/types/containers.h"
#include "vm/types/runtime.h"

namespace mp::expat {

enum Handler : uint8_t {
#define MP_HANDLER(name) k##name,
#include "stdlib/native/pyexpat_handlers.def"
#undef MP_HANDLER
  kHandlerCount
};

// Expat's side of a parser object; that of an external entity is gone before its parent's.
struct Expat {
  XML_Parser parser = nullptr;
  std::shared_ptr<Expat> parent;
  std::shared_ptr<std::mutex> mutex;
  std::string text;  // character data that was not reported yet (buffer_text)
  ~Expat() { XML_ParserFree(parser); }
};

struct ParserObject : Object {
  std::shared_ptr<Expat> expat;
  Thread* parsing;   // the thread in Parse or ParseFile
  bool in_callback;  // this and `parsing`: under the mutex
  std::atomic<bool> buffer_text, ordered_attributes, specified_attributes, namespace_prefixes;
  std::atomic<bool> reparse_deferral;
  std::atomic<int> buffer_size;
  Slot intern;                   // dict, or None
  Slot handlers[kHandlerCount];  // empty: not set
  XML_Parser parser() const { return expat->parser; }
};

inline void enter(Thread& t, std::mutex& mutex) {
  if (mutex.try_lock()) return;
  BlockingRegion out(t);
  mutex.lock();
}
class Hold {
 public:
  Hold(Thread& t, const ParserObject* self) : mutex_(*self->expat->mutex) { enter(t, mutex_); }
  ~Hold() { mutex_.unlock(); }
  Hold(const Hold&) = delete;

 private:
  std::mutex& mutex_;
};

// Reports gathered character data. Not under the mutex, as it calls a handler.
Status flush_text(Thread& t, ParserObject* self);
// Makes expat call us for `which`, or not. Under the mutex, as the two below.
void listen(ParserObject* self, Handler which, bool wanted);
// Connects a new parser with its object.
void connect(ParserObject* self);

}  // namespace mp::expat
