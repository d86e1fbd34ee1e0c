/* The networks are compiled twice where the compiler can: for any processor, and for those with wider vectors. */
#if defined(__GNUC__) && defined(__x86_64__)
#define WIDE __attribute__((target("avx2,fma")))
#define KERNEL static inline __attribute__((always_inline))
static int has_wide_vectors(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define WIDE
#define KERNEL static inline
static int has_wide_vectors(void)
{
    return 0;
}
#endif
