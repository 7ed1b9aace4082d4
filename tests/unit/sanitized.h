/* SANITIZED: is this built with the address sanitizer? It keeps what was freed, so that memory says little under it. */
#ifndef HPT_TESTS_SANITIZED_H
#define HPT_TESTS_SANITIZED_H

#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#endif
