// Declarations of OpenBLAS' LAPACK, which Debian's package has no header for.

/// Eigenvalues, ascending, and with `jobz` "V" eigenvectors (in `a`, one after another) of a symmetric
/// matrix.
void dsyev_(
  const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
  const int *lwork, int *info);

/// How many threads OpenBLAS takes.
void openblas_set_num_threads(int count);
