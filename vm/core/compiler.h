// What the compiler is told, and what it tells.
#pragma once

#define MP_NOINLINE __attribute__((noinline))

// Whether the sanitizer watches this build: 0 or 1.
#if !defined(__has_feature)
#define MP_HAS_FEATURE(feature) 0
#else
#define MP_HAS_FEATURE(feature) __has_feature(feature)
#endif
#if defined(__SANITIZE_ADDRESS__) || MP_HAS_FEATURE(address_sanitizer)
#define MP_ASAN 1
#else
#define MP_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || MP_HAS_FEATURE(thread_sanitizer)
#define MP_TSAN 1
#else
#define MP_TSAN 0
#endif
