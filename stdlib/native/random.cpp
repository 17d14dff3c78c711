// _random: the Mersenne Twister MT19937 (Matsumoto and Nishimura), seeded as CPython does: the same numbers
// for the same seed.
#include <sys/random.h>
#include <time.h>

#include <vector>

#include "vm/gc/heap.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/object_lock.h"
#include "vm/types/containers.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

constexpr int kWords = 624, kShift = 397;

struct RandomObject : Object {
  int32_t index = kWords;
  uint32_t state[kWords] = {};
};

void seed_number(RandomObject* random, uint32_t seed) {
  random->state[0] = seed;
  for (uint32_t i = 1; i < kWords; ++i)
    random->state[i] = 1812433253u * (random->state[i - 1] ^ (random->state[i - 1] >> 30)) + i;
  random->index = kWords;
}

void seed_array(RandomObject* random, const std::vector<uint32_t>& key) {
  seed_number(random, 19650218u);
  uint32_t* mt = random->state;
  size_t i = 1, j = 0;
  for (size_t k = std::max<size_t>(kWords, key.size()); k; --k) {
    mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1664525u)) + key[j] + static_cast<uint32_t>(j);
    if (++i >= kWords) mt[0] = mt[kWords - 1], i = 1;
    if (++j >= key.size()) j = 0;
  }
  for (size_t k = kWords - 1; k; --k) {
    mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1566083941u)) - static_cast<uint32_t>(i);
    if (++i >= kWords) mt[0] = mt[kWords - 1], i = 1;
  }
  mt[0] = 0x80000000u;
}

uint32_t next_word(RandomObject* random) {
  uint32_t* mt = random->state;
  if (random->index >= kWords) {
    for (int k = 0; k < kWords; ++k) {
      uint32_t y = (mt[k] & 0x80000000u) | (mt[(k + 1) % kWords] & 0x7fffffffu);
      mt[k] = mt[(k + kShift) % kWords] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    random->index = 0;
  }
  uint32_t y = mt[random->index++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

Status seed(Thread& t, RandomObject* random, Value value) {
  std::vector<uint32_t> key;
  if (value.is_none() || value.is_empty()) {
    key.resize(kWords);
    if (getrandom(key.data(), key.size() * 4, GRND_NONBLOCK) < 0) {
      timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      key = {static_cast<uint32_t>(now.tv_nsec), static_cast<uint32_t>(now.tv_sec)};
    }
  } else {
    Value number = value;
    if (!is_any_int(value)) number = make_int_unsigned(t, static_cast<uint64_t>(TRY(hash(t, value))));
    IntView view(number);
    size_t bits = mpz_sizeinbase(view.get(), 2);
    key.assign((bits + 31) / 32, 0);
    size_t written = 0;
    mpz_export(key.data(), &written, -1, 4, 0, 0, view.get());  // the magnitude
  }
  ObjectLock lock(t, random);
  seed_array(random, key);
  return {};
}

Result<Value> random_new(Thread& t, const Value* args) {
  auto* random = t.heap().make<RandomObject>(t, args[0].as<Type>());
  TRY(seed(t, random, kNone));
  return Value(random);
}

// Seeding is __init__'s work: subclasses pass their own arguments through __new__.
Result<Value> random_init(Thread& t, const Value* args) {
  TRY(seed(t, args[0].as<RandomObject>(), args[1]));
  return kNone;
}

Result<Value> random_random(Thread& t, const Value* args) {
  auto* random = args[0].as<RandomObject>();
  ObjectLock lock(t, random);
  uint32_t a = next_word(random) >> 5, b = next_word(random) >> 6;
  return make_float(t, (a * 67108864.0 + b) * (1.0 / 9007199254740992.0));
}

Result<Value> random_seed(Thread& t, const Value* args) {
  TRY(seed(t, args[0].as<RandomObject>(), args[1]));
  return kNone;
}

Result<Value> random_getrandbits(Thread& t, const Value* args) {
  auto* random = args[0].as<RandomObject>();
  int64_t bits = TRY(to_c_int(t, args[1]));
  if (bits < 0) return t.raise(Exc::ValueError, "number of bits must be non-negative");
  if (bits == 0) return Value::from_int(0);
  std::vector<uint32_t> words;
  {
    ObjectLock lock(t, random);
    if (bits <= 32) return Value::from_int(next_word(random) >> (32 - bits));
    for (int64_t left = bits; left > 0; left -= 32)
      words.push_back(left < 32 ? next_word(random) >> (32 - left) : next_word(random));
  }
  if (words.size() == 2) return make_int_unsigned(t, words[0] | static_cast<uint64_t>(words[1]) << 32);
  Mpz number;
  mpz_import(number, words.size(), -1, 4, 0, 0, words.data());
  return make_int_mpz(t, number);
}

Result<Value> random_getstate(Thread& t, const Value* args) {
  auto* random = args[0].as<RandomObject>();
  Value items[kWords + 1];
  ObjectLock lock(t, random);
  for (int i = 0; i < kWords; ++i) items[i] = Value::from_int(random->state[i]);
  items[kWords] = Value::from_int(random->index);
  return Value(make_tuple(t, items, kWords + 1));
}

Result<Value> random_setstate(Thread& t, const Value* args) {
  if (!is_tuple(args[1])) return t.raise(Exc::TypeError, "state vector must be a tuple");
  auto* tuple = args[1].as<TupleObject>();
  if (tuple->size != kWords + 1) return t.raise(Exc::ValueError, "state vector is the wrong size");
  uint32_t state[kWords];
  for (size_t i = 0; i < kWords; ++i) {
    if (!is_any_int((*tuple)[i])) return t.raise(Exc::TypeError, "an integer is required");
    int64_t word;
    if (!int_to_int64((*tuple)[i], &word) || word < 0)
      return t.raise(Exc::OverflowError, "can't convert negative value to unsigned int");
    state[i] = static_cast<uint32_t>(word);
  }
  int64_t index = TRY(to_int64(t, (*tuple)[kWords]));
  if (index < 0 || index > kWords) return t.raise(Exc::ValueError, "invalid state");
  auto* random = args[0].as<RandomObject>();
  ObjectLock lock(t, random);
  random->index = static_cast<int32_t>(index);
  memcpy(random->state, state, sizeof state);
  return kNone;
}

const NativeDef kMethods[] = {
    MP_NEW(random_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(random_init, "__init__(self, seed=?, /)", nullptr),
    MP_METHOD(random_random, "random(self, /)", "random() -> x in the interval [0, 1)."),
    MP_METHOD(random_seed, "seed(self, n=None, /)",
              "seed([n]) -> None.\n\nDefaults to use urandom and falls back to a combination\nof the current "
              "time and the process "
              "identifier."),
    MP_METHOD(random_getrandbits, "getrandbits(self, k, /)",
              "getrandbits(k) -> x.  Generates an int with k random bits."),
    MP_METHOD(random_getstate, "getstate(self, /)", "getstate() -> tuple containing the current state."),
    MP_METHOD(random_setstate, "setstate(self, state, /)",
              "setstate(state) -> None.  Restores generator state."),
    MP_END};

const TypeSpec kRandomSpec = {
    .name = "_random.Random",
    .size = sizeof(RandomObject),
    .flags = kTypeBaseType,
    .doc = "Random() -> create a random number generator with its own internal state.",
    .methods = kMethods};

Status init_module(Thread& t, ModuleObject* module) {
  module_add_type(t, module, kRandomSpec);
  return {};
}

}  // namespace

extern const ModuleSpec kRandomModule;
const ModuleSpec kRandomModule = {.name = "_random",
                                  .doc = "Module implements the Mersenne Twister random number generator.",
                                  .init = init_module};

}  // namespace mp
