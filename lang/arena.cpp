#include "lang/arena.h"

#include <cstdlib>

namespace mp::lang {

namespace {
constexpr size_t kFirstChunk = 16 * 1024;
constexpr size_t kLargestChunk = 1024 * 1024;

uint32_t hash_bytes(std::string_view text) {
  // FNV-1a: names are short.
  uint32_t hash = 2166136261u;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}
}  // namespace

struct Arena::Chunk {
  Chunk* previous;
};

Arena::Arena() : next_chunk_(kFirstChunk) {}

Arena::~Arena() {
  while (chunks_ != nullptr) {
    Chunk* previous = chunks_->previous;
    std::free(chunks_);
    chunks_ = previous;
  }
  std::free(names_);
}

void* Arena::allocate_slow(size_t size, size_t align) {
  size_t need = size + align + sizeof(Chunk);
  size_t chunk_size = need > next_chunk_ ? need : next_chunk_;
  if (next_chunk_ < kLargestChunk) next_chunk_ *= 2;
  char* memory = static_cast<char*>(std::malloc(chunk_size));
  if (memory == nullptr) throw std::bad_alloc();
  bytes_used_ += chunk_size;
  chunks_ = new (memory) Chunk{chunks_};
  cursor_ = memory + sizeof(Chunk);
  limit_ = memory + chunk_size;
  return allocate(size, align);
}

std::string_view Arena::copy_text(std::string_view text) {
  char* copy = static_cast<char*>(allocate(text.size() + 1, 1));
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = 0;
  return {copy, text.size()};
}

void Arena::grow_names() {
  uint32_t buckets = name_buckets_ == 0 ? 256 : name_buckets_ * 4;
  auto** table = static_cast<Identifier::Entry**>(std::calloc(buckets, sizeof(Identifier::Entry*)));
  if (table == nullptr) throw std::bad_alloc();
  for (uint32_t i = 0; i < name_buckets_; ++i) {
    for (Identifier::Entry* entry = names_[i]; entry != nullptr;) {
      Identifier::Entry* next = entry->next;
      entry->next = table[entry->hash & (buckets - 1)];
      table[entry->hash & (buckets - 1)] = entry;
      entry = next;
    }
  }
  std::free(names_);
  names_ = table;
  name_buckets_ = buckets;
}

Identifier Arena::intern(std::string_view name) {
  if (name_count_ >= name_buckets_) grow_names();
  uint32_t hash = hash_bytes(name);
  Identifier::Entry*& bucket = names_[hash & (name_buckets_ - 1)];
  for (Identifier::Entry* entry = bucket; entry != nullptr; entry = entry->next)
    if (entry->hash == hash && std::string_view(entry->bytes(), entry->size) == name)
      return Identifier(entry);
  void* memory = allocate(sizeof(Identifier::Entry) + name.size() + 1, alignof(Identifier::Entry));
  auto* entry = new (memory) Identifier::Entry{bucket, hash, static_cast<uint32_t>(name.size())};
  char* bytes = reinterpret_cast<char*>(entry + 1);
  std::memcpy(bytes, name.data(), name.size());
  bytes[name.size()] = 0;
  bucket = entry;
  ++name_count_;
  return Identifier(entry);
}

}  // namespace mp::lang
