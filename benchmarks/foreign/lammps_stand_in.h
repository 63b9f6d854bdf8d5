// As much of LAMMPS as pair_nn.cpp of SIMPLE-NN v2 asks for, without parallelism. For pair_nn_probe.cpp.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define NEIGHMASK 0x1FFFFFFF
#define FLERR __FILE__, __LINE__
#define MPI_INT 0
#define MPI_CHAR 1
inline void MPI_Bcast(void*, int, int, int, int) {}

namespace LAMMPS_NS
{
struct Atom { double** x; double** f; int* type; int ntypes; };
struct Domain { double boxlo[3], boxhi[3], xy, xz, yz; };
struct Comm { int me = 0; };
struct Force { int newton_pair = 1; };
struct Neighbor { void add_request(void*, int) {} };
struct NeighList { int inum; int* ilist; int* numneigh; int** firstneigh; };
namespace NeighConst { enum { REQ_FULL = 1 }; }

struct Memory
{
    template <class T> void create(T**& rows, int n, int m, const char*)
    {
        rows = new T*[n];
        for (int i = 0; i < n; ++i) rows[i] = new T[m]();
    }
    template <class T> void destroy(T**&) {}
};

struct Error
{
    void all(const char*, int, const std::string& reason)
    {
        fprintf(stderr, "pair style: %s\n", reason.c_str());
        exit(1);
    }
    void one(const char* file, int line, const std::string& reason) { all(file, line, reason); }
};

namespace utils
{
inline int count_words(const char* text)
{
    int words = 0;
    for (bool inside = false; *text; ++text)
    {
        bool const blank = strchr(" \t\n\r\f", *text) != nullptr;
        words += !blank && !inside;
        inside = !blank;
    }
    return words;
}
}

struct LAMMPS { Atom atom; Domain domain; Comm comm; Force force; Neighbor neighbor; Memory memory; Error error; };

class Pair
{
public:
    Atom* atom; Domain* domain; Comm* comm; Force* force; Neighbor* neighbor; Memory* memory; Error* error;
    NeighList* list;
    int world = 0, allocated = 0, evflag = 0, vflag_fdotr = 0, vflag_atom = 0, eflag_global = 0, eflag_atom = 0;
    double eng_vdwl = 0.0;
    double* eatom; double** vatom; double** cutsq; int** setflag;
    Pair(LAMMPS* all) : atom(&all->atom), domain(&all->domain), comm(&all->comm), force(&all->force),
                        neighbor(&all->neighbor), memory(&all->memory), error(&all->error) {}
    virtual ~Pair() {}
    void ev_setup(int, int) { eflag_global = eflag_atom = 1; }
    void virial_fdotr_compute() {}
};
}
namespace MathConst {}
namespace MathSpecial {}
