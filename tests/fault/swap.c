/* For outputs.t.
 *
 *     swap make DIR N       N empty files with names of all bytes
 *     swap race TRIALS      in every folder of TRIALS exchanges, without end, what stands under pairs of
 *                           names: fN and lN (a file and a link, a FIFO or a folder); prints on TERM how often
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAIRS 60

static volatile sig_atomic_t ended;

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static int make(const char *dir, long n)
{
    int at = open(dir, O_RDONLY | O_DIRECTORY);
    for (long i = 0; i < n; i++) {
        unsigned char name[40];
        int length = snprintf((char *)name, sizeof name, "%ld.", i);
        name[length++] = (unsigned char)(i % 255 + 1 == '/' ? '_' : i % 255 + 1);
        name[length] = '\0';
        int fd = openat(at, (char *)name, O_WRONLY | O_CREAT, 0600);
        if (fd < 0)
            return 1;
        close(fd);
    }
    return 0;
}

static long swap_all(int at)
{
    long done = 0;
    char a[16], b[16];
    for (int i = 0; i < PAIRS; i++) {
        snprintf(a, sizeof a, "f%d", i);
        snprintf(b, sizeof b, "l%d", i);
        done += renameat2(at, a, at, b, RENAME_EXCHANGE) == 0;
    }
    return done;
}

static int race(const char *trials)
{
    long done = 0;
    while (!ended) {
        DIR *dir = opendir(trials);
        for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
            int at = entry->d_name[0] == '.' ? -1
                                             : openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY);
            for (int i = 0; at >= 0 && i < 20; i++)
                done += swap_all(at);
            if (at >= 0)
                close(at);
        }
        if (dir != NULL)
            closedir(dir);
    }
    printf("%ld\n", done);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGTERM, end);
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2], atol(argv[3]));
    return argc == 3 && strcmp(argv[1], "race") == 0 ? race(argv[2]) : 2;
}
