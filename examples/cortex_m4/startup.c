/* What a Cortex-M4F does before main(): the vector table, the floating-point unit, the
 * variables' first values. newlib's _start does the rest (the variables that begin as
 * zero, printf over semihosting). Armv7-M Architecture Reference Manual, B1.5 and B3.2.20. */
#include <stdint.h>
#include <string.h>

#define CPACR (*(volatile uint32_t *)0xE000ED88) /* coprocessor access control */
#define FULL_ACCESS_TO_FPU (0xFu << 20)

extern uint8_t stack_top[], data_in_flash[], data_start[], data_end[];
void _start(void);

void reset(void) {
    CPACR |= FULL_ACCESS_TO_FPU;
    memcpy(data_start, data_in_flash, (size_t)(data_end - data_start));
    _start();
}

static void fault(void) {
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
