// Arena owns the memory of one parse: AST nodes, their sequences, their texts and the interned names.
// It knows nothing of what it stores; nothing in it is ever destroyed one by one, so only trivially
// destructible types live here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mp::lang {

// A name, interned in its arena: equal names of one arena are the same pointer. Null means "absent".
class Identifier {
 public:
  struct Entry {
    Entry* next;
    uint32_t hash;
    uint32_t size;
    // The bytes follow (UTF-8, NFKC-normalised), then a NUL.
    const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  };

  constexpr Identifier() = default;
  explicit constexpr Identifier(const Entry* entry) : entry_(entry) {}

  explicit operator bool() const { return entry_ != nullptr; }
  std::string_view view() const {
    return entry_ ? std::string_view(entry_->bytes(), entry_->size) : std::string_view();
  }
  operator std::string_view() const { return view(); }
  const char* c_str() const { return entry_ ? entry_->bytes() : ""; }
  uint32_t hash() const { return entry_ ? entry_->hash : 0; }
  const void* key() const { return entry_; }

  friend bool operator==(Identifier a, Identifier b) { return a.entry_ == b.entry_; }
  friend bool operator==(Identifier a, std::string_view b) { return a.view() == b; }
  friend bool operator==(Identifier a, const char* b) { return a.view() == b; }

 private:
  const Entry* entry_ = nullptr;
};

// A read-only list in an arena. Elements may be null pointers where the grammar says so (Dict.keys,
// arguments.kw_defaults).
template <typename T>
class Seq {
 public:
  constexpr Seq() = default;
  constexpr Seq(T* data, uint32_t size) : data_(data), size_(size) {}

  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t index) const { return data_[index]; }
  T& front() const { return data_[0]; }
  T& back() const { return data_[size_ - 1]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  Seq slice(uint32_t from, uint32_t to) const { return Seq(data_ + from, to - from); }
  Seq from(uint32_t index) const { return slice(index, size_); }

 private:
  T* data_ = nullptr;
  uint32_t size_ = 0;
};

class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
    uintptr_t at = (reinterpret_cast<uintptr_t>(cursor_) + (align - 1)) & ~uintptr_t(align - 1);
    if (at + size > reinterpret_cast<uintptr_t>(limit_)) return allocate_slow(size, align);
    cursor_ = reinterpret_cast<char*>(at + size);
    return reinterpret_cast<void*>(at);
  }

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  // Value-initialised.
  template <typename T>
  T* make_array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0) return nullptr;
    T* data = static_cast<T*>(allocate(sizeof(T) * count, alignof(T)));
    for (size_t i = 0; i < count; ++i) new (data + i) T{};
    return data;
  }

  template <typename T>
  Seq<T> make_seq(const T* items, size_t count) {
    T* data = make_array<T>(count);
    for (size_t i = 0; i < count; ++i) data[i] = items[i];
    return Seq<T>(data, static_cast<uint32_t>(count));
  }

  // A copy with a NUL behind it.
  std::string_view copy_text(std::string_view text);

  // The bytes are taken as they are: whoever calls has normalised them (NFKC).
  Identifier intern(std::string_view name);

  size_t bytes_used() const { return bytes_used_; }

 private:
  struct Chunk;
  void* allocate_slow(size_t size, size_t align);
  void grow_names();

  char* cursor_ = nullptr;
  char* limit_ = nullptr;
  Chunk* chunks_ = nullptr;
  size_t next_chunk_ = 0;
  size_t bytes_used_ = 0;
  Identifier::Entry** names_ = nullptr;  // buckets, a power of two
  uint32_t name_buckets_ = 0;
  uint32_t name_count_ = 0;
};

// Grows inside the arena by doubling; for lists of unknown length.
template <typename T>
class SeqBuilder {
 public:
  void push(Arena& arena, T item) {
    if (size_ == capacity_) {
      uint32_t capacity = capacity_ == 0 ? 2 : capacity_ * 2;
      T* data = static_cast<T*>(arena.allocate(sizeof(T) * capacity, alignof(T)));
      if (size_ != 0) std::memcpy(static_cast<void*>(data), data_, sizeof(T) * size_);
      data_ = data;
      capacity_ = capacity;
    }
    new (data_ + size_++) T(item);
  }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t index) const { return data_[index]; }
  T& back() const { return data_[size_ - 1]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  Seq<T> seq() const { return Seq<T>(data_, size_); }

 private:
  T* data_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace mp::lang
