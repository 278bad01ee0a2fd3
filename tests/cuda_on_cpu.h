// CUDA C on the host, to test kernels where there is no GPU: include this, then the kernels' source,
// then LAUNCHER(name) for each kernel. Blocks run one after another. The threads of a block take turns: each
// runs to its next barrier, in order and at the next turn in the opposite order, so that work on
// shared memory that lacks a barrier between is done at the wrong time. What this cannot see is an
// addition that should be atomic and is not.
#include <ucontext.h>

#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__ static inline
#define __shared__

struct Dim3 {
    unsigned x, y, z;
};

static Dim3 threadIdx, blockIdx, blockDim, gridDim;

constexpr unsigned SHARED_WORDS = 12288, GARBAGE = 0xA5A5A5A5;
unsigned shared[SHARED_WORDS + 64];

namespace host {

constexpr std::size_t STACK = 1 << 16;

enum Trouble { NONE = 0, BARRIER_MISSED = 1, OUT_OF_SHARED = 2, TOO_MUCH = 3 };

static ucontext_t scheduler;
static std::vector<ucontext_t> threads;
static std::vector<char> stacks;
static std::vector<int> at;  // the line of the barrier at which each thread waits; 0: done
static unsigned current;
static void (*body)();

inline void barrier(int line)
{
    at[current] = line;
    swapcontext(&threads[current], &scheduler);
}

inline void run_thread()
{
    body();
    at[current] = 0;
}

inline Dim3 place(unsigned n, Dim3 size)
{
    return {n % size.x, n / size.x % size.y, n / size.x / size.y};
}

inline int run_block(unsigned count)
{
    at.assign(count, -1);
    for (unsigned n = 0; n < count; n++) {
        getcontext(&threads[n]);
        threads[n].uc_stack.ss_sp = &stacks[n * STACK];
        threads[n].uc_stack.ss_size = STACK;
        threads[n].uc_link = &scheduler;
        makecontext(&threads[n], run_thread, 0);
    }
    for (bool forward = true; at[0] != 0; forward = !forward) {
        for (unsigned k = 0; k < count; k++) {
            current = forward ? k : count - 1 - k;
            threadIdx = place(current, blockDim);
            swapcontext(&scheduler, &threads[current]);
        }
        for (int line : at)  // a barrier that only some threads reach
            if (line != at[0])
                return BARRIER_MISSED;
    }
    return NONE;
}

inline int run(void (*kernel)(), const unsigned *grid, const unsigned *block, std::size_t shared_bytes)
{
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    body = kernel;
    const unsigned count = block[0] * block[1] * block[2];
    if (count > 1024 || shared_bytes > 4 * SHARED_WORDS || grid[1] > 65535 || grid[2] > 65535)
        return TOO_MUCH;
    threads.resize(count);
    stacks.resize(count * STACK);
    for (unsigned n = 0; n < grid[0] * grid[1] * grid[2]; n++) {
        blockIdx = place(n, gridDim);
        for (unsigned &word : shared)
            word = GARBAGE;
        if (int trouble = run_block(count))
            return trouble;
        for (std::size_t word = (shared_bytes + 3) / 4; word < SHARED_WORDS + 64; word++)
            if (shared[word] != GARBAGE)
                return OUT_OF_SHARED;
    }
    return NONE;
}

// What a parameter is, for the caller to check: +size of what a pointer points to, -size of a
// number; 16 more if the numbers have a sign.
template <class T>
constexpr int kind()
{
    using Number = std::remove_cv_t<std::remove_pointer_t<T>>;
    const int size = sizeof(Number) + 16 * std::is_signed<Number>::value;
    return std::is_pointer<T>::value ? size : -size;
}

template <auto kernel>
struct Launcher;

template <class... Parameters, void (*kernel)(Parameters...)>
struct Launcher<kernel> {
    static inline void **args;

    template <std::size_t... place>
    static void call(std::index_sequence<place...>)
    {
        kernel(*static_cast<Parameters *>(args[place])...);
    }

    static void thread() { call(std::index_sequence_for<Parameters...>()); }

    static int launch(const unsigned *grid, const unsigned *block, std::size_t shared_bytes, void **given)
    {
        args = given;
        return run(thread, grid, block, shared_bytes);
    }

    static int parameters(int *kinds)
    {
        for (int one : {kind<Parameters>()...})
            *kinds++ = one;
        return sizeof...(Parameters);
    }
};

}  // namespace host

#define LAUNCHER(name)                                                                            \
    extern "C" int launch_##name(                                                                 \
        const unsigned *grid, const unsigned *block, std::size_t shared_bytes, void **args)       \
    {                                                                                             \
        return host::Launcher<name>::launch(grid, block, shared_bytes, args);                     \
    }                                                                                             \
    extern "C" int parameters_##name(int *kinds) { return host::Launcher<name>::parameters(kinds); }

#define __syncthreads() host::barrier(__LINE__)

template <class T>
inline T atomicAdd(T *place, T value)
{
    const T before = *place;
    *place += value;
    return before;
}

inline int __ffsll(long long word) { return __builtin_ffsll(word); }
inline int __popcll(unsigned long long word) { return __builtin_popcountll(word); }
