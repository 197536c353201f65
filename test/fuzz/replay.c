/* Runs a fuzz target over corpora without libFuzzer: "fuzz_NAME DIR...", each file of each directory once. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

/* The bytes in memory of exactly their size, so that a sanitizer sees any byte read behind them. */
static int replay_file(const char *dir, const char *name)
{
    static uint8_t data[INPUT_MAX];
    char path[4096];
    uint8_t *copy;
    size_t len;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return -1;
    }
    len = fread(data, 1, sizeof(data), f);
    fclose(f);
    copy = malloc(len + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy + 1, data, len);
    LLVMFuzzerTestOneInput(copy + 1, len);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;

        if (dir == NULL) {
            perror(argv[i]);
            return 1;
        }
        while ((entry = readdir(dir)) != NULL) {
            if (entry->d_name[0] == '.')
                continue;
            if (replay_file(argv[i], entry->d_name) != 0)
                return 1;
            files++;
        }
        closedir(dir);
    }
    printf("%s: %u inputs\n", argv[0], files);
    /* A corpus that is not there would pass for ever. */
    return files == 0;
}
