// The module w8a16._native: the W8A16 layer on addresses. It knows nothing of PyTorch, and of Python only what the
// limited API of 3.10 has, so that one binary serves every PyTorch and every Python; w8a16/operators.py checks tensors
// and calls it.
#define Py_LIMITED_API 0x030A0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <stdexcept>

#include "base/isa.h"
#include "base/parallel.h"
#include "w8a16/dtype.h"
#include "w8a16/linear.h"
#include "w8a16/quantize.h"

namespace {

using w8a16::DType;

// The integer arguments of a call, in order.
class Arguments {
 public:
  Arguments(PyObject* const* args, Py_ssize_t count, Py_ssize_t expected) : next_(args), end_(args + count) {
    if (count != expected) throw std::invalid_argument("w8a16._native: wrong number of arguments");
  }
  int64_t Int() {
    const int64_t value = PyLong_AsLongLong(Next());
    if (value == -1 && PyErr_Occurred() != nullptr) throw std::invalid_argument("w8a16._native: an int is needed");
    return value;
  }
  void* Address() {
    void* address = PyLong_AsVoidPtr(Next());
    if (address == nullptr && PyErr_Occurred() != nullptr) {
      throw std::invalid_argument("w8a16._native: an address is needed");
    }
    return address;
  }
  // 0: float32, 1: bfloat16, 2: float16, as operators.py numbers them.
  DType Float() {
    static constexpr std::array kDTypes{DType::kF32, DType::kBF16, DType::kF16};
    return kDTypes.at(static_cast<size_t>(Int()));
  }

 private:
  PyObject* Next() { return next_ < end_ ? *next_++ : nullptr; }
  PyObject* const* next_;
  PyObject* const* end_;
};

// Other Python threads run meanwhile.
class WithoutInterpreter {
 public:
  WithoutInterpreter() : state_(PyEval_SaveThread()) {}
  ~WithoutInterpreter() { PyEval_RestoreThread(state_); }
  WithoutInterpreter(const WithoutInterpreter&) = delete;
  WithoutInterpreter& operator=(const WithoutInterpreter&) = delete;

 private:
  PyThreadState* state_;
};

template <class F>
PyObject* Guarded(const F& f) {
  try {
    return f();
  } catch (const std::exception& error) {
    PyErr_Clear();
    PyErr_SetString(PyExc_RuntimeError, error.what());
    return nullptr;
  }
}

void SetThreads(int64_t threads) {
  if (w8a16::MaxThreads() != threads) w8a16::SetMaxThreads(static_cast<int>(threads));
}

// linear(threads, activation_bits, x, dtype, rows, x_stride, y, int8_weights, out_features, in_features, row_stride,
//        scales, scale_dtype, bias, bias_dtype): y [rows, out_features] without gaps; bias 0: none.
PyObject* PyLinear(PyObject* /*self*/, PyObject* const* args, Py_ssize_t count) {
  return Guarded([&] {
    Arguments in(args, count, 15);
    const int64_t threads = in.Int();
    const int64_t bits = in.Int();
    w8a16::ConstMatrix x{};
    x.data = in.Address();
    x.dtype = in.Float();
    x.rows = in.Int();
    x.stride = in.Int();
    void* y = in.Address();
    w8a16::Int8Weights layer;
    layer.data = in.Address();
    layer.out_features = in.Int();
    layer.in_features = x.cols = in.Int();
    layer.row_stride = in.Int();
    layer.scales = in.Address();
    layer.scale_dtype = in.Float();
    layer.bias = in.Address();
    layer.bias_dtype = in.Float();
    if (layer.out_features > 0 && std::isnan(w8a16::LoadFloat(layer.scales, layer.scale_dtype, 0))) {
      throw std::invalid_argument(
          "w8a16::linear: the layer has no weights yet; call quantize(weights) or load a state first");
    }
    {
      const WithoutInterpreter released;
      SetThreads(threads);
      thread_local w8a16::Workspace workspace;
      w8a16::Linear(layer, "w8a16::linear")
          .Forward(x, {y, x.dtype, x.rows, layer.out_features, layer.out_features}, workspace,
                   w8a16::ActivationBitsOf(bits));
    }
    return Py_NewRef(Py_None);
  });
}

// quantize(threads, weights, dtype, rows, cols, stride, first_row, int8_weights, scales): int8_weights without gaps,
// scales of the same dtype, each the first of these rows.
PyObject* PyQuantize(PyObject* /*self*/, PyObject* const* args, Py_ssize_t count) {
  return Guarded([&] {
    Arguments in(args, count, 9);
    const int64_t threads = in.Int();
    w8a16::ConstMatrix w{};
    w.data = in.Address();
    w.dtype = in.Float();
    w.rows = in.Int();
    w.cols = in.Int();
    w.stride = in.Int();
    const int64_t first_row = in.Int();
    auto* weights = static_cast<char*>(in.Address());
    auto* scales = static_cast<char*>(in.Address());
    {
      const WithoutInterpreter released;
      SetThreads(threads);
      const auto element = static_cast<int64_t>(w8a16::DTypeSize(w.dtype));
      const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 16) / std::max<int64_t>(1, w.cols));
      w8a16::ParallelFor(w.rows, grain, 1, [&](int64_t begin, int64_t end) {
        w8a16::ConstMatrix part = w;
        part.data = static_cast<const char*>(w.data) + begin * w.stride * element;
        part.rows = end - begin;
        w8a16::QuantizeRows(
            part, {weights + begin * w.cols, w.cols, w8a16::Int8Encoding::kSigned, scales + begin * element, w.dtype},
            "weights", first_row + begin);
      });
    }
    return Py_NewRef(Py_None);
  });
}

PyObject* PyIsa(PyObject* /*self*/, PyObject* /*none*/) {
  return Guarded([] { return PyUnicode_FromString(w8a16::IsaName(w8a16::ActiveIsa())); });
}

// The file of the OpenMP library that runs the kernels: PyTorch's own, or there would be two pools of threads.
PyObject* PyOpenMpLibrary(PyObject* /*self*/, PyObject* /*none*/) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&omp_get_max_threads), &info) == 0) return Py_NewRef(Py_None);
  return PyUnicode_FromString(info.dli_fname);
}

std::array kMethods{
    PyMethodDef{"linear", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(PyLinear)), METH_FASTCALL, nullptr},
    PyMethodDef{"quantize", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(PyQuantize)), METH_FASTCALL, nullptr},
    PyMethodDef{"isa", PyIsa, METH_NOARGS, nullptr},
    PyMethodDef{"openmp_library", PyOpenMpLibrary, METH_NOARGS, nullptr},
    PyMethodDef{nullptr, nullptr, 0, nullptr},
};

PyModuleDef kModule{PyModuleDef_HEAD_INIT, "_native", nullptr, 0, kMethods.data(), nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModuleDef_Init(&kModule); }
