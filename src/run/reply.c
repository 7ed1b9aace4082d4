#include "run/reply.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 80

struct HptReplies {
    int directory;
    bool ask, stopped;
    GPtrArray *names;
};

HptReplies *hpt_replies_new(int directory_fd, bool ask)
{
    HptReplies *replies = g_new0(HptReplies, 1);
    replies->directory = directory_fd;
    replies->ask = ask;
    replies->names = g_ptr_array_new_with_free_func(g_free);
    return replies;
}

void hpt_replies_free(HptReplies *replies)
{
    if (replies == NULL)
        return;
    g_ptr_array_free(replies->names, true);
    g_free(replies);
}

bool hpt_reply_name_valid(const char *name)
{
    if (!g_str_has_prefix(name, HPT_REPLY_PREFIX) || strlen(name) > NAME_MAX_BYTES)
        return false;
    const char *rest = name + strlen(HPT_REPLY_PREFIX);
    for (const char *c = rest; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && *c != '-')
            return false;
    return *rest != '\0';
}

/* Open for reading too: a FIFO whose reader has gone takes the word and loses it, without a signal
 * and without an error. */
static void tell(const HptReplies *replies, const char *name, bool stop)
{
    const char *word = stop ? "stop\n" : "go\n";
    struct stat stat;
    int fd = openat(replies->directory, name,
                    O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    bool ours = fstat(fd, &stat) == 0 && S_ISFIFO(stat.st_mode) && stat.st_nlink == 1;
    if (ours && write(fd, word, strlen(word)) > 0)
        unlinkat(replies->directory, name, 0); /* should the waiting one be killed before it can */
    close(fd);
}

bool hpt_replies_must_wait(const HptReplies *replies, bool *stop)
{
    if (replies->ask && !replies->stopped && replies->names->len < HPT_REPLIES_MAX)
        return true;
    *stop = replies->stopped;
    return false;
}

void hpt_replies_add(HptReplies *replies, const char *name)
{
    bool stop = false;
    if (hpt_replies_must_wait(replies, &stop))
        g_ptr_array_add(replies->names, g_strdup(name));
    else
        tell(replies, name, stop);
}

bool hpt_replies_waiting(const HptReplies *replies)
{
    return replies->names->len > 0;
}

static void tell_all(HptReplies *replies)
{
    for (guint i = 0; i < replies->names->len; i++)
        tell(replies, replies->names->pdata[i], replies->stopped);
    g_ptr_array_set_size(replies->names, 0);
}

void hpt_replies_answer(HptReplies *replies, bool stop)
{
    replies->stopped = replies->stopped || stop;
    tell_all(replies);
}

void hpt_replies_end(HptReplies *replies)
{
    replies->ask = false;
    tell_all(replies);
}
